// Fill, convert and accumulate, one thread per element. Bound by memory: fill writes, cast reads and writes, accumulate
// reads two and writes one element. Deterministic.
#include "core/memory_ops.h"

#include "core/gpu/launch.h"

namespace pliant::kernels::gpu {

namespace {

// Every storage type as float and back; exact for i32 up to 2^24.
template <class T>
PLIANT_HOST_DEVICE float load(T x) {
  if constexpr (std::is_integral_v<T>) {
    return static_cast<float>(x);
  } else {
    return to_float(x);
  }
}
template <class T>
PLIANT_HOST_DEVICE T store(float x) {
  if constexpr (std::is_integral_v<T>) {
    return static_cast<T>(x);
  } else {
    return from_float<T>(x);
  }
}

template <class T>
__global__ void fill_kernel(T* __restrict__ y, T value, std::int64_t size) {
  const std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (i < size) y[i] = value;
}

template <class From, class To>
__global__ void cast_kernel(const From* __restrict__ x, To* __restrict__ y, std::int64_t size) {
  const std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (i < size) y[i] = store<To>(load(x[i]));
}

template <class T>
__global__ void accumulate_kernel(const T* __restrict__ x, T* __restrict__ y, std::int64_t size) {
  const std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (i < size) y[i] = from_float<T>(to_float(y[i]) + to_float(x[i]));
}

template <class T>
__global__ void accumulate_converted_kernel(const T* __restrict__ x, float* __restrict__ y, std::int64_t size) {
  const std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (i < size) y[i] += to_float(x[i]);
}

// x of 16 bits.
template <class T>
void accumulate_converted(const Tensor& x, Tensor& y) {
  PLIANT_REQUIRE(ShapeError, x.shape() == y.shape() && y.dtype() == DType::f32, "accumulate: x ", x, " cannot be added to y ", y);
  launch_1d(accumulate_converted_kernel<T>, x.size(), x.context().stream(), x.data<T>(), y.data<float>(), x.size());
}

template <class F>
void dispatch_storage(DType dtype, const char* op, F&& f) {
  if (dtype == DType::i32) return f(Tag<std::int32_t>{});
  if (dtype == DType::u8) return f(Tag<std::uint8_t>{});
  dispatch_gpu(dtype, op, f);
}

}  // namespace

void fill(Tensor& y, double value) {
  dispatch_storage(y.dtype(), "fill", [&](auto tag) {
    using T = typename decltype(tag)::type;
    launch_1d(fill_kernel<T>, y.size(), y.context().stream(), y.data<T>(), store<T>(static_cast<float>(value)), y.size());
  });
}

void cast(const Tensor& x, Tensor& y) {
  PLIANT_REQUIRE(ShapeError, x.shape() == y.shape(), "cast: x ", x.shape(), " and y ", y.shape(), " differ");
  dispatch_storage(x.dtype(), "cast", [&](auto from) {
    dispatch_storage(y.dtype(), "cast", [&](auto to) {
      using From = typename decltype(from)::type;
      using To = typename decltype(to)::type;
      launch_1d(cast_kernel<From, To>, x.size(), x.context().stream(), x.data<From>(), y.data<To>(), x.size());
    });
  });
}

void accumulate(const Tensor& x, Tensor& y) {
  if (x.dtype() == DType::bf16 && y.dtype() != DType::bf16) return accumulate_converted<BFloat16>(x, y);
  if (x.dtype() == DType::f16 && y.dtype() != DType::f16) return accumulate_converted<Half>(x, y);
  require_same("accumulate", x, y);
  dispatch_gpu(x.dtype(), "accumulate", [&](auto tag) {
    using T = typename decltype(tag)::type;
    launch_1d(accumulate_kernel<T>, x.size(), x.context().stream(), x.data<T>(), y.data<T>(), x.size());
  });
}

}  // namespace pliant::kernels::gpu

#if defined(__CUDACC__)
namespace pliant::gpu {

// Asked for its attributes, it tells whether this build has code for a device (runtime_cuda.cpp).
const void* sample_kernel() { return reinterpret_cast<const void*>(&kernels::gpu::fill_kernel<float>); }

}  // namespace pliant::gpu
#endif
