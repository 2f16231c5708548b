#include "kernels/adam.h"

#include "kernels/adam_formula.h"
#include "kernels/arena_checks.h"
#include "kernels/cpu/arena_copy.h"

namespace pliant::kernels::cpu {

namespace {

template <bool masked, class T>
void step_segment(T* w, const T* gradient, T* m, T* v, const T* mask, const AdamRule<T>& rule, T times) {
#pragma omp simd
  for (std::int64_t i = 0; i < kArenaSegment; ++i) {
    T weight = w[i], mean = m[i], square = v[i];
    adam_update(weight, mean, square, times * gradient[i], masked ? mask[i] : T(1), rule);
    w[i] = weight;
    m[i] = mean;
    v[i] = square;
  }
}

template <bool masked, class T>
void step_arena(Tensor& w, const Tensor& gradient, Tensor& m, Tensor& v, const Tensor& rules, const Tensor& mask,
                const double* scalars, Tensor& copy) {
  T *weight = w.data<T>(), *mean = m.data<T>(), *square = v.data<T>();
  const T *slope = gradient.data<T>(), *rule = rules.data<T>(), *keep = masked ? mask.data<T>() : nullptr;
  const std::int64_t segments = w.size() / kArenaSegment;
  const T times = static_cast<T>(scalars[6]);
  const ArenaCopy rounded(copy);
#pragma omp parallel for if (segments > 256)
  for (std::int64_t s = 0; s < segments; ++s) {
    if (rule[kArenaRule * s] == T(0)) continue;  // frozen
    const std::int64_t at = s * kArenaSegment;
    step_segment<masked>(weight + at, slope + at, mean + at, square + at, masked ? keep + at : nullptr,
                         adam_rule(scalars, rule + kArenaRule * s), times);
    rounded.write(weight + at, at);
  }
}

}  // namespace

void adam_step(Tensor& w, const Tensor& gradient, Tensor& m, Tensor& v, const Tensor& rules, const Tensor& mask,
               const Tensor& scalars, Tensor& copy) {
  check_arenas("adam_step", w, gradient, rules, mask, scalars, 7);
  require_arena("adam_step", "m", m, w);
  require_arena("adam_step", "v", v, w);
  require_copy("adam_step", copy, w);
  dispatch_cpu(w.dtype(), "adam_step", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const auto step = mask ? step_arena<true, T> : step_arena<false, T>;
    step(w, gradient, m, v, rules, mask, scalars.data<double>(), copy);
  });
}

}  // namespace pliant::kernels::cpu
