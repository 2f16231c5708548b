#include "core/memory_ops.h"

namespace pliant::kernels::cpu {

namespace {

// Calls f(Tag<T>{}) for every storage type, the 16-bit ones included.
template <class F>
void dispatch_storage(DType dtype, F&& f) {
  switch (dtype) {
    case DType::f32: return f(Tag<float>{});
    case DType::f64: return f(Tag<double>{});
    case DType::bf16: return f(Tag<BFloat16>{});
    case DType::f16: return f(Tag<Half>{});
    case DType::i32: return f(Tag<std::int32_t>{});
    case DType::u8: return f(Tag<std::uint8_t>{});
  }
}

template <class T>
constexpr bool is_16_bit = std::is_same_v<T, BFloat16> || std::is_same_v<T, Half>;

template <class To, class From>
To convert(From x) {
  if constexpr (is_16_bit<From>) {
    return convert<To>(to_float(x));
  } else if constexpr (is_16_bit<To>) {
    return from_float<To>(static_cast<float>(x));
  } else {
    return static_cast<To>(x);
  }
}

}  // namespace

void fill(Tensor& y, double value) {
  dispatch_storage(y.dtype(), [&](auto tag) {
    using T = typename decltype(tag)::type;
    std::fill_n(y.data<T>(), y.size(), convert<T>(value));
  });
}

void cast(const Tensor& x, Tensor& y) {
  PLIANT_REQUIRE(ShapeError, x.shape() == y.shape(), "cast: x ", x.shape(), " and y ", y.shape(), " differ");
  dispatch_storage(x.dtype(), [&](auto from) {
    dispatch_storage(y.dtype(), [&](auto to) {
      using From = typename decltype(from)::type;
      using To = typename decltype(to)::type;
      const From* source = x.data<From>();
      To* target = y.data<To>();
      const std::int64_t size = x.size();
#pragma omp parallel for if (size > 65536)
      for (std::int64_t i = 0; i < size; ++i) target[i] = convert<To>(source[i]);
    });
  });
}

namespace {

// x of 16 bits.
template <class T>
void accumulate_converted(const Tensor& x, Tensor& y) {
  PLIANT_REQUIRE(ShapeError, x.shape() == y.shape() && y.dtype() == DType::f32, "accumulate: x ", x, " cannot be added to y ", y);
  const T* source = x.data<T>();
  float* target = y.data<float>();
  const std::int64_t size = x.size();
#pragma omp parallel for if (size > 65536)
  for (std::int64_t i = 0; i < size; ++i) target[i] += to_float(source[i]);
}

}  // namespace

void accumulate(const Tensor& x, Tensor& y) {
  if (x.dtype() == DType::bf16 && y.dtype() != DType::bf16) return accumulate_converted<BFloat16>(x, y);
  if (x.dtype() == DType::f16 && y.dtype() != DType::f16) return accumulate_converted<Half>(x, y);
  require_same("accumulate", x, y);
  dispatch_cpu_storage(x.dtype(), "accumulate", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const T* source = x.data<T>();
    T* target = y.data<T>();
    const std::int64_t size = x.size();
#pragma omp parallel for if (size > 65536)
    for (std::int64_t i = 0; i < size; ++i) target[i] = narrowed<T>(widened(target[i]) + widened(source[i]));
  });
}

}  // namespace pliant::kernels::cpu
