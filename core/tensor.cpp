#include "core/tensor.h"

#include <atomic>
#include <cstring>

namespace pliant {

struct Tensor::Storage {
  Storage(Context& owner, std::size_t size) : context(owner), pool(owner.share_pool()), bytes(size), block(pool->allocate(size)) {}
  ~Storage() { pool->release(block, bytes); }
  Storage(const Storage&) = delete;
  Storage& operator=(const Storage&) = delete;

  Context& context;
  std::shared_ptr<MemoryPool> pool;
  std::size_t bytes;
  void* block;
  std::atomic<std::uint64_t> writes = 0;  // threads of a loop may ask for the pointer at once
};

Tensor::Tensor(Context& context, Shape shape, DType dtype) : shape_(shape), dtype_(dtype) {
  storage_ = std::make_shared<Storage>(context, std::max<std::size_t>(bytes(), 1));
}

Tensor Tensor::zeros(Context& context, Shape shape, DType dtype) {
  Tensor tensor(context, shape, dtype);
  tensor.zero();
  return tensor;
}

Tensor Tensor::like(const Tensor& other) { return Tensor(other.context(), other.shape(), other.dtype()); }
Tensor Tensor::zeros_like(const Tensor& other) { return zeros(other.context(), other.shape(), other.dtype()); }

Context& Tensor::context() const {
  PLIANT_REQUIRE(ShapeError, storage_, "an empty tensor was used");
  return storage_->context;
}

void* Tensor::address() const {
  PLIANT_REQUIRE(ShapeError, storage_, "an empty tensor was used");
  return static_cast<std::byte*>(storage_->block) + offset_;
}

void Tensor::note_write() {
  if (storage_) storage_->writes.fetch_add(1, std::memory_order_relaxed);
}

std::uint64_t Tensor::writes() const {
  PLIANT_REQUIRE(ShapeError, storage_, "an empty tensor was used");
  return storage_->writes.load(std::memory_order_relaxed);
}

void* Tensor::raw(DType dtype) const {
  PLIANT_REQUIRE(ShapeError, dtype == dtype_, "tensor of ", dtype_, " ", shape_, " used as ", dtype);
  return address();
}

Tensor Tensor::view(std::int64_t first, Shape shape) const {
  PLIANT_REQUIRE(ShapeError, first >= 0 && first + shape.size() <= size(), "a view of shape ", shape, " at element ",
                 first, " does not fit in a tensor of shape ", shape_);
  Tensor part = *this;
  part.offset_ += first * static_cast<std::int64_t>(bytes_of(dtype_));
  part.shape_ = shape;
  return part;
}

Tensor Tensor::reshape(Shape shape) const {
  PLIANT_REQUIRE(ShapeError, shape.size() == size(), "cannot reshape ", shape_, " to ", shape);
  return view(0, shape);
}

Tensor Tensor::rows(std::int64_t first, std::int64_t count) const {
  PLIANT_REQUIRE(ShapeError, shape_.rank() > 0 && first >= 0 && count >= 0 && first + count <= shape_[0], "rows ", first,
                 " to ", first + count, " of a tensor of shape ", shape_);
  Shape part = shape_;
  part.set(0, count);
  return view(shape_[0] == 0 ? 0 : first * (size() / shape_[0]), part);
}

Tensor Tensor::clone() const {
  Tensor result = like(*this);
  result.copy_from(*this);
  return result;
}

Tensor Tensor::to(Context& target) const {
  Tensor result(target, shape_, dtype_);
  result.copy_from(*this);
  return result;
}

void Tensor::copy_from(const Tensor& source) {
  PLIANT_REQUIRE(ShapeError, shape_ == source.shape_ && dtype_ == source.dtype_, "cannot copy ", source, " into ", *this);
  Context& here = context();
  Context& there = source.context();
  if (size() == 0) return;
  note_write();
  if (here.backend() == Backend::cpu && there.backend() == Backend::cpu) {
    std::memmove(address(), source.address(), bytes());
  } else if (&here == &there) {
    gpu::copy(here.stream(), address(), source.address(), bytes());
  } else if (there.backend() == Backend::cpu) {
    gpu::copy_to_device(here.stream(), address(), source.address(), bytes());
  } else if (here.backend() == Backend::cpu) {
    gpu::copy_to_host(there.stream(), address(), source.address(), bytes());
  } else {
    std::vector<std::byte> host(bytes());
    source.read(host.data());
    write(host.data());
  }
}

void Tensor::zero() {
  note_write();
  if (size() == 0) return;
  if (context().backend() == Backend::cpu) {
    std::memset(address(), 0, bytes());
  } else {
    gpu::set_zero(context().stream(), address(), bytes());
  }
}

void Tensor::read(void* host) const {
  if (size() == 0) return;
  if (context().backend() == Backend::cpu) {
    std::memcpy(host, address(), bytes());
  } else {
    gpu::copy_to_host(context().stream(), host, address(), bytes());
  }
}

void Tensor::write(const void* host) {
  note_write();
  if (size() == 0) return;
  if (context().backend() == Backend::cpu) {
    std::memcpy(address(), host, bytes());
  } else {
    gpu::copy_to_device(context().stream(), address(), host, bytes());
  }
}

namespace {

template <class T>
std::vector<double> widen(const Tensor& tensor) {
  const std::vector<T> values = tensor.to_host<T>();
  std::vector<double> wide(values.size());
  for (std::size_t i = 0; i < values.size(); ++i) {
    if constexpr (std::is_same_v<T, BFloat16> || std::is_same_v<T, Half>) {
      wide[i] = to_float(values[i]);
    } else {
      wide[i] = static_cast<double>(values[i]);
    }
  }
  return wide;
}

}  // namespace

std::vector<double> Tensor::to_doubles() const {
  switch (dtype_) {
    case DType::f32: return widen<float>(*this);
    case DType::f64: return widen<double>(*this);
    case DType::bf16: return widen<BFloat16>(*this);
    case DType::f16: return widen<Half>(*this);
    case DType::i32: return widen<std::int32_t>(*this);
    case DType::u8: return widen<std::uint8_t>(*this);
  }
  return {};
}

void require_same(const char* op, const Tensor& a, const Tensor& b) {
  PLIANT_REQUIRE(ShapeError, a.shape() == b.shape() && a.dtype() == b.dtype(), op, ": ", a, " and ", b, " differ");
}

std::ostream& operator<<(std::ostream& out, const Tensor& tensor) {
  if (!tensor) return out << "no tensor";
  return out << tensor.dtype() << ' ' << tensor.shape() << " on " << name_of(tensor.context().device());
}

}  // namespace pliant
