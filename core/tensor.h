// A Tensor is a contiguous array on one device: a cheap handle on a shared block of memory. Copying a Tensor shares the
// memory, clone() copies it. Constness is shallow in spirit: a const Tensor gives const pointers, a copy of it does not.
// Activations are [N, H, W, C], filters [K, R, S, C].
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "core/context.h"
#include "core/dtype.h"
#include "core/shape.h"

namespace pliant {

class Tensor {
 public:
  Tensor() = default;                                                  // no tensor
  Tensor(Context& context, Shape shape, DType dtype = DType::f32);     // uninitialised
  static Tensor zeros(Context& context, Shape shape, DType dtype = DType::f32);
  static Tensor like(const Tensor& other);                             // same context, shape and dtype; uninitialised
  static Tensor zeros_like(const Tensor& other);
  // values.size() must be shape.size(); the dtype is that of T.
  template <class T>
  static Tensor from_host(Context& context, Shape shape, std::span<const T> values) {
    Tensor tensor(context, shape, dtype_of<T>);
    PLIANT_REQUIRE(ShapeError, static_cast<std::int64_t>(values.size()) == shape.size(), values.size(),
                   " values given for a tensor of shape ", shape);
    tensor.write(values.data());
    return tensor;
  }
  template <class T>
  static Tensor from_host(Context& context, Shape shape, const std::vector<T>& values) {
    return from_host(context, shape, std::span<const T>(values));
  }

  explicit operator bool() const { return storage_ != nullptr; }
  Context& context() const;
  const Shape& shape() const { return shape_; }
  DType dtype() const { return dtype_; }
  std::int64_t size() const { return shape_.size(); }
  std::size_t bytes() const { return static_cast<std::size_t>(size()) * bytes_of(dtype_); }

  Tensor reshape(Shape shape) const;                                   // same memory, same number of elements
  Tensor rows(std::int64_t first, std::int64_t count) const;           // part of dimension 0, same memory
  Tensor view(std::int64_t first, Shape shape) const;                  // `first` counts elements of this tensor
  Tensor clone() const;
  Tensor to(Context& context) const;                                   // a copy on another device, same dtype
  void copy_from(const Tensor& source);                                // same shape and dtype, any context
  void zero();                                                         // all bytes 0

  // Pointers; T must be the element type.
  template <class T>
  const T* data() const {
    return static_cast<const T*>(raw(dtype_of<T>));
  }
  template <class T>
  T* data() {
    note_write();
    return static_cast<T*>(raw(dtype_of<T>));
  }

  // Grows whenever anything asks to write into the block of memory that this tensor shares: what was derived from its
  // values is still true while the number stays.
  std::uint64_t writes() const;
  // The block of memory, without keeping it: tells whether it is still the same one, which an address cannot.
  std::weak_ptr<const void> memory() const { return storage_; }

  template <class T>
  std::vector<T> to_host() const {
    PLIANT_REQUIRE(ShapeError, dtype_ == dtype_of<T>, "tensor of ", dtype_, " read as ", dtype_of<T>);
    std::vector<T> values(static_cast<std::size_t>(size()));
    read(values.data());
    return values;
  }
  std::vector<double> to_doubles() const;                              // any dtype, converted on the host
  void read(void* host) const;                                         // bytes() bytes; waits for the device
  void write(const void* host);

  void* address() const;                                               // of the first byte, whatever the dtype; for reading
  bool shares_memory() const { return storage_.use_count() > 1; }      // another handle exists on this block

 private:
  struct Storage;
  void* raw(DType dtype) const;
  void note_write();

  std::shared_ptr<Storage> storage_;
  std::int64_t offset_ = 0;  // in bytes
  Shape shape_;
  DType dtype_ = DType::f32;
};

// Throws ShapeError, naming the operation and both tensors, unless shape and dtype are equal.
void require_same(const char* op, const Tensor& a, const Tensor& b);

std::ostream& operator<<(std::ostream& out, const Tensor& tensor);  // dtype, shape and device, no values

}  // namespace pliant
