// The copy of an arena that a step of an optimizer writes beside it, a segment at a time.
#pragma once

#include "kernels/arena_checks.h"

namespace pliant::kernels::cpu {

class ArenaCopy {
 public:
  // copy: bf16 or f16, or no tensor.
  explicit ArenaCopy(Tensor& copy) {
    if (copy && copy.dtype() == DType::bf16) bf16_ = copy.data<BFloat16>();
    if (copy && copy.dtype() == DType::f16) f16_ = copy.data<Half>();
  }

  // Rounds the segment `weights`, which begins at element `at` of its arena, into the copy; nothing where there is none.
  template <class T>
  void write(const T* weights, std::int64_t at) const {
    if (bf16_) round(weights, bf16_ + at);
    if (f16_) round(weights, f16_ + at);
  }

 private:
  template <class T, class To>
  static void round(const T* weights, To* to) {
    for (std::int64_t i = 0; i < kArenaSegment; ++i) to[i] = from_float<To>(static_cast<float>(weights[i]));
  }

  BFloat16* bf16_ = nullptr;
  Half* f16_ = nullptr;
};

}  // namespace pliant::kernels::cpu
