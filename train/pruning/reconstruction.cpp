#include "train/pruning/reconstruction.h"

#include <algorithm>
#include <cmath>

#include "layers/batch_norm.h"
#include "nets/compact.h"
#include "train/pruning/keep.h"
#include "train/pruning/lasso.h"
#include "train/pruning/thinet.h"

namespace pliant {

namespace {

using Channels = std::vector<std::int64_t>;

struct Step {
  ReadingLayer layer;
  std::int64_t kept = 0;
};

std::int64_t count_of(const AxisRatio& ratio, const ChannelAxis& axis) {
  PLIANT_REQUIRE(ConfigError, ratio.kept > 0 || (ratio.removed >= 0.0 && ratio.removed < 1.0), "axis ", axis.name(),
                 ": the removed share lies in [0, 1), got ", ratio.removed);
  const auto left = static_cast<std::int64_t>(kept_channels(axis).size());
  const std::int64_t kept = ratio.kept > 0 ? ratio.kept : kept_count(left, ratio.removed, {});
  PLIANT_REQUIRE(ConfigError, kept >= 1, "axis ", axis.name(), ": removing ", ratio.removed, " of ", left,
                 " channels leaves none; give a smaller share or the number to keep");
  PLIANT_REQUIRE(ConfigError, kept <= left, "axis ", axis.name(), ": cannot keep ", kept, " channels of the ", left, " that are left");
  return kept;
}

std::vector<Step> steps_of(const Net& net, const std::vector<AxisRatio>& plan) {
  const std::vector<ChannelGroup> groups = channel_groups(net);
  std::vector<Step> steps;
  for (const AxisRatio& ratio : plan) {
    ReadingLayer layer = reading_layer(net, groups, ratio.axis);
    for (const Step& other : steps) PLIANT_REQUIRE(ConfigError, other.layer.axis != layer.axis, "axis ", layer.axis->name(), ": stands twice in the plan");
    const std::int64_t kept = count_of(ratio, *layer.axis);
    steps.push_back({std::move(layer), kept});
  }
  std::sort(steps.begin(), steps.end(), [](const Step& a, const Step& b) { return a.layer.place < b.layer.place; });
  return steps;
}

void require_samples(const Step& step, const DeviceData& data, const SampleOptions& options, std::int64_t unknowns) {
  const std::int64_t rows = sample_count(step.layer, data, options);
  PLIANT_REQUIRE(ConfigError, rows >= unknowns, step.layer.name, ": ", rows, " samples do not determine ", unknowns,
                 " values; calibrate on more images or locations");
}

void mask_axis(const Net& net, ChannelAxis& axis, const Channels& kept) {
  keep_channels(net.store->context(), net.store->dtype(), axis, {kept.begin(), kept.end()});
}

double relative(const Matrix& rest, const Matrix& targets) {
  const double whole = squared_norm(targets);
  return whole > 0.0 ? squared_norm(rest) / whole : squared_norm(rest);
}

Matrix plus_row(Matrix x, const std::vector<double>& row, double factor) {
  for (std::int64_t i = 0; i < x.rows; ++i) {
    for (std::int64_t j = 0; j < x.columns; ++j) x(i, j) += factor * row[static_cast<std::size_t>(j)];
  }
  return x;
}

// Columns of the patches that belong to these channels.
Channels features_of(const Channels& channels, const ReadingLayer& layer) {
  Channels features;
  for (std::int64_t tap = 0; tap < layer.taps(); ++tap) {
    for (const std::int64_t channel : channels) features.push_back(tap * layer.channels() + channel);
  }
  return features;
}

Matrix rows_of(const Matrix& x, const Channels& rows) {
  Matrix part(static_cast<std::int64_t>(rows.size()), x.columns);
  for (std::int64_t i = 0; i < part.rows; ++i) {
    for (std::int64_t j = 0; j < x.columns; ++j) part(i, j) = x(rows[static_cast<std::size_t>(i)], j);
  }
  return part;
}

ReconstructedAxis thinet_step(Net& net, const DeviceData& data, const Step& step, const SampleOptions& options) {
  const ReadingLayer& layer = step.layer;
  const Contributions sampled = contributions_of(sample_layer(net, layer, data, options), layer, options.seed);
  const Channels kept = remaining(layer.channels(), thinet_removed(sampled.values, layer.channels() - step.kept));
  const std::vector<double> factors = thinet_factors(sampled.values, sampled.totals, kept);

  Matrix filter = filter_matrix(*layer.weight), whole(step.kept, 1), rescaled(step.kept, 1);
  rescaled.values = factors;
  std::fill(whole.values.begin(), whole.values.end(), 1.0);
  for (std::int64_t tap = 0; tap < layer.taps(); ++tap) {
    for (std::size_t i = 0; i < kept.size(); ++i) {
      for (std::int64_t k = 0; k < filter.columns; ++k) filter(tap * layer.channels() + kept[i], k) *= factors[i];
    }
  }
  write_filter(filter, *layer.weight);
  mask_axis(net, *layer.axis, kept);
  const Matrix part = columns_of(sampled.values, kept);
  return {layer.axis->name(), layer.name, kept, sampled.totals.rows, relative(difference(sampled.totals, product(part, whole)), sampled.totals),
          relative(difference(sampled.totals, product(part, rescaled)), sampled.totals)};
}

// The factor of each output channel on its way into what comes behind the batch norm, or into the sum of a residual block.
std::vector<double> output_factors(const ReadingLayer& layer) {
  std::vector<double> factors(static_cast<std::size_t>(layer.outputs()), layer.block_factor);
  if (!layer.scale) return factors;
  const std::vector<double> scale = layer.scale->value.to_doubles(), variance = layer.variance->value.to_doubles();
  for (std::size_t k = 0; k < factors.size(); ++k) factors[k] *= scale[k] / std::sqrt(variance[k] + BatchNormOptions{}.epsilon);
  return factors;
}

// What the layer's outputs, bias included, should be: those of the original net, and for the last layer of a residual branch also what
// the pruned shortcut lacks, Y1 - Y1', on the layer's side of its batch norm.
Matrix targets_of(const ReadingLayer& layer, const LayerSamples& original, const LayerSamples& pruned) {
  Matrix targets = original.outputs;
  if (layer.block.empty()) return targets;
  const std::vector<double> factors = output_factors(layer);
  double largest = 0.0;
  for (const double factor : factors) largest = std::max(largest, std::abs(factor));
  for (std::int64_t k = 0; k < targets.columns; ++k) {
    const double factor = factors[static_cast<std::size_t>(k)];
    if (factor == 0.0 || std::abs(factor) < 1e-3 * largest) continue;
    for (std::int64_t i = 0; i < targets.rows; ++i) targets(i, k) += (original.shortcuts(i, k) - pruned.shortcuts(i, k)) / factor;
  }
  return targets;
}

// He et al., eq. 2, with errors counted where they matter: only of outputs that are still there, and at the end of a residual
// branch in the units of the sum.
Channels lasso_channels(const ReadingLayer& layer, const Matrix& patches, Matrix targets, Matrix weights, std::int64_t count) {
  std::vector<double> factors(static_cast<std::size_t>(layer.outputs()), 1.0);
  if (!layer.block.empty()) factors = output_factors(layer);
  for (std::int64_t k = 0; k < targets.columns; ++k) {
    for (std::int64_t i = 0; i < targets.rows; ++i) targets(i, k) *= factors[static_cast<std::size_t>(k)];
    for (std::int64_t f = 0; f < weights.rows; ++f) weights(f, k) *= factors[static_cast<std::size_t>(k)];
  }
  if (const ChannelAxis* axis = layer.weight->dims[0].axis) {
    const std::vector<std::int32_t> live = kept_channels(*axis);
    const Channels columns(live.begin(), live.end());
    targets = columns_of(targets, columns);
    weights = columns_of(weights, columns);
  }
  return lasso_choice(lasso_problem(patches, targets, weights, layer.channels()), count).kept;
}

void add_intercept(const ReadingLayer& layer, const std::vector<double>& intercept) {
  Parameter* target = layer.bias ? layer.bias : layer.mean;
  if (!target) return;
  std::vector<double> values = target->value.to_doubles();
  for (std::size_t k = 0; k < values.size(); ++k) values[k] += layer.bias ? intercept[k] : -intercept[k];
  write_vector(values, *target);
}

void write_kept(const ReadingLayer& layer, const Matrix& rebuilt, const Channels& features) {
  Matrix filter(layer.taps() * layer.channels(), layer.outputs());
  for (std::int64_t i = 0; i < rebuilt.rows; ++i) {
    for (std::int64_t k = 0; k < rebuilt.columns; ++k) filter(features[static_cast<std::size_t>(i)], k) = rebuilt(i, k);
  }
  write_filter(filter, *layer.weight);
}

ReconstructedAxis regression_step(Net& pruned, const Step& step, const Net& original, const ReadingLayer& reference, const DeviceData& data,
                                  const SampleOptions& options) {
  const ReadingLayer& layer = step.layer;
  const LayerSamples now = sample_layer(pruned, layer, data, options);
  const std::vector<double> bias = vector_of(layer.bias, layer.outputs());
  const Matrix targets = plus_row(targets_of(layer, sample_layer(original, reference, data, options), now), bias, -1.0);
  const Matrix filter = filter_matrix(*layer.weight);
  const Channels kept = lasso_channels(layer, now.patches, targets, filter, step.kept), features = features_of(kept, layer);

  const Matrix patches = columns_of(now.patches, features), start = rows_of(filter, features);
  const LinearFit fit = least_squares(patches, targets, start, layer.bias || layer.mean);
  write_kept(layer, fit.weights, features);
  add_intercept(layer, fit.intercept);
  mask_axis(pruned, *layer.axis, kept);
  const Matrix rest = plus_row(difference(targets, product(patches, fit.weights)), fit.intercept, -1.0);
  return {layer.axis->name(), layer.name, kept, targets.rows, relative(difference(targets, product(patches, start)), targets), relative(rest, targets)};
}

}  // namespace

std::vector<ReconstructedAxis> prune_thinet(Net& net, const DeviceData& data, const std::vector<AxisRatio>& plan,
                                            const ReconstructionOptions& options) {
  require_calibration(net, data, options.samples);
  const std::vector<Step> steps = steps_of(net, plan);
  for (const Step& step : steps) require_samples(step, data, options.samples, step.kept);
  std::vector<ReconstructedAxis> done;
  for (const Step& step : steps) {
    done.push_back(thinet_step(net, data, step, options.samples));
    if (options.after_axis) options.after_axis(done.back().axis);
  }
  return done;
}

std::vector<ReconstructedAxis> prune_regression(Net& pruned, const Net& original, const DeviceData& data, const std::vector<AxisRatio>& plan,
                                                const ReconstructionOptions& options) {
  require_calibration(pruned, data, options.samples);
  PLIANT_REQUIRE(ConfigError, pruned.store != original.store && pruned.description == original.description,
                 "regression takes its targets from another net of the same structure, the one before pruning");
  const std::vector<Step> steps = steps_of(pruned, plan);
  const std::vector<ChannelGroup> groups = channel_groups(original);
  std::vector<ReadingLayer> references;
  for (const Step& step : steps) {
    const bool intercept = step.layer.bias || step.layer.mean;
    require_samples(step, data, options.samples, step.kept * step.layer.taps() + (intercept ? 1 : 0));
    references.push_back(reading_layer(original, groups, step.layer.axis->name()));
  }
  std::vector<ReconstructedAxis> done;
  for (std::size_t i = 0; i < steps.size(); ++i) {
    done.push_back(regression_step(pruned, steps[i], original, references[i], data, options.samples));
    if (options.after_axis) options.after_axis(done.back().axis);
  }
  return done;
}

}  // namespace pliant
