#include "kernels/cpu/through_f32.h"

namespace pliant::kernels::cpu {

namespace {

// Below this size a loop is not worth waking the other threads.
constexpr std::int64_t kParallelSize = 1 << 15;

template <class F>
void dispatch_16_bit(DType dtype, F&& f) {
  dtype == DType::bf16 ? f(Tag<BFloat16>{}) : f(Tag<Half>{});
}

}  // namespace

Tensor in_f32(const Tensor& x) {
  if (!x || !is_16_bit(x.dtype())) return x;
  Tensor wide(x.context(), x.shape(), DType::f32);
  dispatch_16_bit(x.dtype(), [&](auto tag) {
    const auto* __restrict from = x.data<typename decltype(tag)::type>();
    float* __restrict to = wide.data<float>();
    const std::int64_t size = x.size();
#pragma omp parallel for simd if (size > kParallelSize)
    for (std::int64_t i = 0; i < size; ++i) to[i] = to_float(from[i]);
  });
  return wide;
}

void round_into(const Tensor& wide, Tensor& y) {
  dispatch_16_bit(y.dtype(), [&](auto tag) {
    using T = typename decltype(tag)::type;
    const float* __restrict from = wide.data<float>();
    T* __restrict to = y.data<T>();
    const std::int64_t size = y.size();
#pragma omp parallel for simd if (size > kParallelSize)
    for (std::int64_t i = 0; i < size; ++i) to[i] = from_float<T>(from[i]);
  });
}

}  // namespace pliant::kernels::cpu
