// One step of stochastic gradient descent over an arena: four elements a thread, 16 threads share a rule. Reads w,
// gradient, v (and the mask) once, writes w and v (and a 16-bit copy of w): 20 to 26 bytes per element, in one launch. Deterministic.
#include "kernels/sgd.h"

#include "core/gpu/launch.h"
#include "kernels/arena_checks.h"
#include "kernels/gpu/arena_copy.cuh"
#include "kernels/sgd_formula.h"

namespace pliant::kernels::gpu {

namespace {

template <bool nesterov>
__device__ void update(float& w, float& v, float gradient, float mask, const SgdRule<float>& rule) {
  if (rule.proximal >= 0.0f) {
    sgd_proximal_update(w, v, gradient, mask, rule);
  } else {
    sgd_update<nesterov>(w, v, gradient, mask, rule);
  }
}

// w, gradient, v, mask, copy [4 quads], rules [quads / 16, 4], scalars [3]; mask and copy may be null
template <bool nesterov, class Copy>
__global__ void sgd_step_kernel(float* w, const float* gradient, float* v, const float* rules, const float* mask,
                                const double* scalars, std::int64_t quads, Copy* copy) {
  const std::int64_t quad = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (quad >= quads) return;
  const float* own = rules + quad / (kArenaSegment / 4) * kArenaRule;
  if (own[0] == 0.0f) return;  // frozen
  const SgdRule<float> rule{static_cast<float>(scalars[0] * static_cast<double>(own[0])),
                            static_cast<float>(scalars[1]), own[1], own[2], own[3]};
  float4 weight = load4(w + 4 * quad), velocity = load4(v + 4 * quad);
  const float4 slope = load4(gradient + 4 * quad);
  const float4 keep = mask ? load4(mask + 4 * quad) : make_float4(1.0f, 1.0f, 1.0f, 1.0f);
  const auto times = static_cast<float>(scalars[2]);
  update<nesterov>(weight.x, velocity.x, times * slope.x, keep.x, rule);
  update<nesterov>(weight.y, velocity.y, times * slope.y, keep.y, rule);
  update<nesterov>(weight.z, velocity.z, times * slope.z, keep.z, rule);
  update<nesterov>(weight.w, velocity.w, times * slope.w, keep.w, rule);
  store4(w + 4 * quad, weight);
  store4(v + 4 * quad, velocity);
  if (copy) store_rounded(copy + 4 * quad, weight);
}

}  // namespace

void sgd_step(Tensor& w, const Tensor& gradient, Tensor& v, const Tensor& rules, const Tensor& mask,
              const Tensor& scalars, bool nesterov, Tensor& copy) {
  check_arenas("sgd_step", w, gradient, rules, mask, scalars, 3);
  require_arena("sgd_step", "v", v, w);
  require_copy("sgd_step", copy, w);
  const auto data = [](const char* name, auto& arena) { return aligned_arena("sgd_step", name, arena); };
  dispatch_copy("sgd_step", copy, [&](auto* to) {
    using Copy = std::remove_pointer_t<decltype(to)>;
    launch_1d(nesterov ? sgd_step_kernel<true, Copy> : sgd_step_kernel<false, Copy>, w.size() / 4, w.context().stream(),
              data("w", w), data("gradient", gradient), data("v", v), rules.data<float>(), data("mask", mask),
              scalars.data<double>(), w.size() / 4, to);
  });
}

}  // namespace pliant::kernels::gpu
