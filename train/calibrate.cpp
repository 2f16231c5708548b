#include "train/calibrate.h"

#include <algorithm>

#include "core/memory_ops.h"
#include "nets/widths.h"
#include "nets/zoo.h"
#include "train/data/batches.h"

namespace pliant {

namespace {

// Scale and shift serve every width, so that a width needs nothing but statistics.
bool takes_any_width(const NetDescription& d) { return d.batch_norm_sets == 1 || d.shared_scale_shift; }

void copy_net(const Net& from, Net& to) {
  for (Parameter& target : to.store->parameters()) {
    const Parameter* source = from.store->find(target.name);
    if (source && source->shape() == target.shape()) {
      target.value.copy_from(source->value);
      if (source->mask) target.mask = source->mask.clone();
    } else {  // statistics of a new width, about to be recomputed
      PLIANT_INVARIANT(!target.trainable(), target.name);
      kernels::fill(target.value, target.role == Role::running_variance ? 1.0 : 0.0);
    }
  }
  for (const auto& target : to.store->axes()) {
    const ChannelAxis* source = from.store->find_axis(target->name());
    if (source && source->mask) target->mask = source->mask.clone();
  }
}

void recompute(const Net& net, int row, const DeviceData& training, const CalibrationOptions& options) {
  Context& context = net.store->context();
  const EpochOrder order(training.size(), options.batch, options.seed, 0);
  const Tensor samples = Tensor::from_host(context, {training.size()}, order.indices()), key = random_key(context, options.seed, 0);
  for (std::int64_t k = 0; k < options.batches; ++k) {
    const Batch batch = make_batch(training, samples.rows(k * options.batch, options.batch), key, {}, net.store->compute_dtype());
    Pass pass{.context = context, .mode = Mode::train, .select = {.width = row}, .random_key = key, .samples = batch.samples,
              .branches = Branches::as_in_eval, .statistics_momentum = 1.0 / static_cast<double>(k + 1)};
    forward(net, pass, Var{batch.images});
  }
}

}  // namespace

NetDescription calibrated_description(const Net& net, const std::vector<double>& widths) {
  const NetDescription& source = net.description;
  if (!takes_any_width(source)) {
    for (const double width : widths) width_index(source, width);  // refuses others than the net's own
    return source;
  }
  std::vector<double> ratios = widths.empty() ? source.width_ratios : widths;
  std::sort(ratios.begin(), ratios.end(), std::greater<>());
  NetDescription d = source;
  d.widths.clear();
  d.width_ratios.clear();
  for (const double ratio : ratios) {
    PLIANT_REQUIRE(UsageError, ratio > 0.0 && ratio <= 1.0, "widths: a ratio is above 0 and at most 1, got ", ratio);
    if (ratio == 1.0 || std::find(d.width_ratios.begin(), d.width_ratios.end(), ratio) != d.width_ratios.end()) continue;
    const auto own = std::find(source.width_ratios.begin(), source.width_ratios.end(), ratio);
    d.widths.push_back(own == source.width_ratios.end() ? width_row(net, ratio, usual_rounding(source.name))
                                                        : source.widths[static_cast<std::size_t>(own - source.width_ratios.begin())]);
    d.width_ratios.push_back(ratio);
  }
  d.batch_norm_sets = 1 + static_cast<int>(d.widths.size());
  d.shared_scale_shift = d.batch_norm_sets > 1;
  return d;
}

Net calibrate(const Net& net, const DeviceData& training, const std::vector<double>& widths, const CalibrationOptions& options) {
  PLIANT_REQUIRE(ConfigError, options.batches >= 1 && options.batch >= 1, "calibration needs at least one batch of one image, got ", options.batches,
                 " of ", options.batch);
  PLIANT_REQUIRE(UsageError, training.size() >= options.batches * options.batch, "calibration with ", options.batches, " batches of ", options.batch,
                 " needs ", options.batches * options.batch, " images, the training part has ", training.size());
  Net calibrated = build_net(calibrated_description(net, widths));
  calibrated.store->allocate(net.store->context(), net.store->dtype(), net.store->compute_dtype());
  copy_net(net, calibrated);
  const bool all = widths.empty() || takes_any_width(net.description);
  for (int row = 0; row < calibrated.widths(); ++row) {
    const double ratio = width_ratio(calibrated.description, row);
    if (all || std::find(widths.begin(), widths.end(), ratio) != widths.end()) recompute(calibrated, row, training, options);
  }
  return calibrated;
}

}  // namespace pliant
