// What differs from step to step of an epoch, in device memory: the order of the samples, the optimizer's scalars of every step and
// the random key. It is written once an epoch; then each step takes its part by one small kernel (kernels/step_input.h), at the same
// addresses every time, so that a recorded step can be replayed.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/tensor.h"

namespace pliant {

class StepFeed {
 public:
  // For epochs of `images` samples in batches of `batch`, and an optimizer with so many scalars.
  StepFeed(Context& context, std::int64_t images, std::int64_t batch, std::int64_t scalars);

  std::int64_t steps() const { return table_.shape()[0]; }

  // order: of all images. scalars: the optimizer's, a row for every step from `first` on. Throws ShapeError where their number differs.
  void begin_epoch(std::span<const std::int32_t> order, std::span<const double> scalars, std::int64_t first, std::uint64_t seed,
                   std::uint32_t epoch);

  const Tensor& key() const { return key_; }  // [3] i32, as random_key() makes it; in place from epoch to epoch
  const Tensor& position() const { return position_; }  // [1] i32, of the next step
  // Fills scalars [K] f64 and samples [N] i32 with those of the next step.
  void next(Tensor& scalars, Tensor& samples);

 private:
  std::int64_t batch_;
  Tensor table_, order_, position_, key_;
};

}  // namespace pliant
