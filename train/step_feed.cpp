#include "train/step_feed.h"

#include "kernels/step_input.h"
#include "train/device_data.h"

namespace pliant {

StepFeed::StepFeed(Context& context, std::int64_t images, std::int64_t batch, std::int64_t scalars)
    : batch_(batch),
      table_(context, {(images + batch - 1) / batch, scalars}, DType::f64),
      order_(context, {images}, DType::i32),
      position_(context, {1}, DType::i32),
      key_(context, {3}, DType::i32) {}

void StepFeed::begin_epoch(std::span<const std::int32_t> order, std::span<const double> scalars, std::int64_t first, std::uint64_t seed,
                           std::uint32_t epoch) {
  const std::int64_t width = table_.shape()[1];
  PLIANT_REQUIRE(ShapeError, static_cast<std::int64_t>(order.size()) == order_.size(), "an epoch of ", order_.size(), " samples, got ", order.size());
  PLIANT_REQUIRE(ShapeError, first >= 0 && first <= steps() && static_cast<std::int64_t>(scalars.size()) == (steps() - first) * width,
                 scalars.size(), " scalars for the steps ", first, " to ", steps(), " with ", width, " each");
  std::vector<double> rows(static_cast<std::size_t>(first * width), 0.0);  // steps that are done
  rows.insert(rows.end(), scalars.begin(), scalars.end());
  const auto position = static_cast<std::int32_t>(first);
  table_.write(rows.data());
  order_.write(order.data());
  position_.write(&position);
  key_.copy_from(random_key(key_.context(), seed, epoch));
}

void StepFeed::next(Tensor& scalars, Tensor& samples) { kernels::take_step(table_, order_, batch_, position_, scalars, samples); }

}  // namespace pliant
