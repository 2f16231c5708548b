// One step of Adam over an arena: four elements a thread, 16 threads share a rule. Reads w, gradient, m, v (and the
// mask) once, writes w, m and v (and a 16-bit copy of w): 28 to 34 bytes per element, in one launch. Deterministic.
#include "kernels/adam.h"

#include "core/gpu/launch.h"
#include "kernels/adam_formula.h"
#include "kernels/arena_checks.h"
#include "kernels/gpu/arena_copy.cuh"

namespace pliant::kernels::gpu {

namespace {

// w, gradient, m, v, mask, copy [4 quads], rules [quads / 16, 4], scalars [7]; mask and copy may be null
template <class Copy>
__global__ void adam_step_kernel(float* w, const float* gradient, float* m, float* v, const float* rules,
                                 const float* mask, const double* scalars, std::int64_t quads, Copy* copy) {
  const std::int64_t quad = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (quad >= quads) return;
  const float* own = rules + quad / (kArenaSegment / 4) * kArenaRule;
  if (own[0] == 0.0f) return;  // frozen
  const AdamRule<float> rule = adam_rule(scalars, own);
  float4 weight = load4(w + 4 * quad), mean = load4(m + 4 * quad), square = load4(v + 4 * quad);
  const float4 slope = load4(gradient + 4 * quad);
  const float4 keep = mask ? load4(mask + 4 * quad) : make_float4(1.0f, 1.0f, 1.0f, 1.0f);
  const auto times = static_cast<float>(scalars[6]);
  adam_update(weight.x, mean.x, square.x, times * slope.x, keep.x, rule);
  adam_update(weight.y, mean.y, square.y, times * slope.y, keep.y, rule);
  adam_update(weight.z, mean.z, square.z, times * slope.z, keep.z, rule);
  adam_update(weight.w, mean.w, square.w, times * slope.w, keep.w, rule);
  store4(w + 4 * quad, weight);
  store4(m + 4 * quad, mean);
  store4(v + 4 * quad, square);
  if (copy) store_rounded(copy + 4 * quad, weight);
}

}  // namespace

void adam_step(Tensor& w, const Tensor& gradient, Tensor& m, Tensor& v, const Tensor& rules, const Tensor& mask,
               const Tensor& scalars, Tensor& copy) {
  check_arenas("adam_step", w, gradient, rules, mask, scalars, 7);
  require_arena("adam_step", "m", m, w);
  require_arena("adam_step", "v", v, w);
  require_copy("adam_step", copy, w);
  const auto data = [](const char* name, auto& arena) { return aligned_arena("adam_step", name, arena); };
  dispatch_copy("adam_step", copy, [&](auto* to) {
    launch_1d(adam_step_kernel<std::remove_pointer_t<decltype(to)>>, w.size() / 4, w.context().stream(), data("w", w),
              data("gradient", gradient), data("m", m), data("v", v), rules.data<float>(), data("mask", mask),
              scalars.data<double>(), w.size() / 4, to);
  });
}

}  // namespace pliant::kernels::gpu
