#include "kernels/sgd.h"

#include "kernels/arena_checks.h"
#include "kernels/cpu/arena_copy.h"
#include "kernels/sgd_formula.h"

namespace pliant::kernels::cpu {

namespace {

template <bool nesterov, bool masked, class T>
void step_segment(T* w, const T* gradient, T* v, const T* mask, const SgdRule<T>& rule, T times) {
#pragma omp simd
  for (std::int64_t i = 0; i < kArenaSegment; ++i) {
    T weight = w[i], velocity = v[i];
    sgd_update<nesterov>(weight, velocity, times * gradient[i], masked ? mask[i] : T(1), rule);
    w[i] = weight;
    v[i] = velocity;
  }
}

template <class T>
void step_proximal_segment(T* w, const T* gradient, T* v, const T* mask, const SgdRule<T>& rule, T times) {
  for (std::int64_t i = 0; i < kArenaSegment; ++i) sgd_proximal_update(w[i], v[i], times * gradient[i], mask ? mask[i] : T(1), rule);
}

template <bool nesterov, bool masked, class T>
void step_arena(Tensor& w, const Tensor& gradient, Tensor& v, const Tensor& rules, const Tensor& mask, const double* scalars,
                Tensor& copy) {
  T *weight = w.data<T>(), *velocity = v.data<T>();
  const T *slope = gradient.data<T>(), *rule = rules.data<T>(), *keep = masked ? mask.data<T>() : nullptr;
  const std::int64_t segments = w.size() / kArenaSegment;
  const T times = static_cast<T>(scalars[2]);
  const ArenaCopy rounded(copy);
#pragma omp parallel for if (segments > 256)
  for (std::int64_t s = 0; s < segments; ++s) {
    const T* row = rule + kArenaRule * s;
    if (row[0] == T(0)) continue;  // frozen
    const std::int64_t at = s * kArenaSegment;
    const SgdRule<T> own{static_cast<T>(scalars[0] * static_cast<double>(row[0])), static_cast<T>(scalars[1]), row[1], row[2], row[3]};
    const auto step = own.proximal >= T(0) ? step_proximal_segment<T> : step_segment<nesterov, masked, T>;
    step(weight + at, slope + at, velocity + at, masked ? keep + at : nullptr, own, times);
    rounded.write(weight + at, at);
  }
}

}  // namespace

void sgd_step(Tensor& w, const Tensor& gradient, Tensor& v, const Tensor& rules, const Tensor& mask,
              const Tensor& scalars, bool nesterov, Tensor& copy) {
  check_arenas("sgd_step", w, gradient, rules, mask, scalars, 3);
  require_arena("sgd_step", "v", v, w);
  require_copy("sgd_step", copy, w);
  dispatch_cpu(w.dtype(), "sgd_step", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const auto step = nesterov ? (mask ? step_arena<true, true, T> : step_arena<true, false, T>)
                               : (mask ? step_arena<false, true, T> : step_arena<false, false, T>);
    step(w, gradient, v, rules, mask, scalars.data<double>(), copy);
  });
}

}  // namespace pliant::kernels::cpu
