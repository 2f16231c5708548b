#include "kernels/exit_routing.h"

#include <algorithm>

#include "kernels/exit_routing_checks.h"

namespace pliant::kernels::cpu {

namespace {

template <class Leaves>
void leave(const Tensor& predictions, std::int32_t exit, const Tensor& samples, const Tensor& rows, Tensor& left, Tensor& kept, Tensor& staying,
           Tensor& count, Tensor& classes, Tensor& exits, Leaves&& leaves) {
  const std::int32_t *sample = samples.data<std::int32_t>(), *prediction = predictions.data<std::int32_t>();
  std::int32_t *gone = left.data<std::int32_t>(), *row = kept.data<std::int32_t>(), *stays = staying.data<std::int32_t>();
  std::int32_t *class_of = classes.data<std::int32_t>(), *exit_of = exits.data<std::int32_t>();
  const auto n = static_cast<std::int32_t>(std::min<std::int64_t>(*rows.data<std::int32_t>(), samples.size()));
  for (std::int32_t i = 0; i < n; ++i) {
    PLIANT_REQUIRE(DataError, !leaves(i) || (sample[i] >= 0 && sample[i] < classes.size()), "leave_rows: samples[", i, "] = ", sample[i],
                   " is outside 0..", classes.size() - 1);
  }
  for (Tensor* list : {&left, &kept, &staying}) std::fill_n(list->data<std::int32_t>(), list->size(), -1);
  std::int32_t rank = 0;
  for (std::int32_t i = 0; i < n; ++i) {
    if (!leaves(i)) {
      row[rank] = i;
      stays[rank++] = sample[i];
      continue;
    }
    class_of[sample[i]] = prediction[i];
    exit_of[sample[i]] = exit;
    gone[i] = sample[i];
  }
  *count.data<std::int32_t>() = rank;
}

}  // namespace

void leave_rows(const Tensor& scores, const Tensor& predictions, const ExitDecision& decision, const Tensor& samples, const Tensor& rows,
                Tensor& left, Tensor& kept, Tensor& staying, Tensor& count, Tensor& classes, Tensor& exits) {
  check_leave_rows(scores, predictions, samples, rows, left, kept, staying, count, classes, exits);
  const auto run = [&](auto&& leaves) { leave(predictions, decision.exit, samples, rows, left, kept, staying, count, classes, exits, leaves); };
  if (!scores) return run([](std::int32_t) { return true; });
  dispatch_cpu(scores.dtype(), "leave_rows", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const T* score = scores.data<T>();
    run([&](std::int32_t i) {
      const auto value = static_cast<double>(score[i]);
      return decision.below ? value < decision.threshold : value > decision.threshold;
    });
  });
}

}  // namespace pliant::kernels::cpu
