#include "train/pruning/magnitude.h"

#include <algorithm>
#include <cmath>

#include "kernels/elementwise.h"
#include "nets/zoo.h"

namespace pliant {

namespace {

// A filter on the host: the magnitudes of its weights, negative where a mask has taken the weight.
struct Magnitudes {
  Parameter* parameter;
  std::vector<double> values;
};

constexpr double kMasked = -1.0;

std::vector<Magnitudes> magnitudes_of(Net& net) {
  std::vector<Magnitudes> filters;
  for (Parameter& parameter : net.store->parameters()) {
    if (parameter.role != Role::filter || parameter.frozen) continue;
    Magnitudes one{&parameter, parameter.value.to_doubles()};
    for (double& value : one.values) {
      PLIANT_REQUIRE(ConfigError, std::isfinite(value), parameter.name, ": holds the value ", value, " and cannot be pruned by magnitude");
      value = std::abs(value);
    }
    if (parameter.mask) {
      const std::vector<double> mask = parameter.mask.to_doubles();
      for (std::size_t i = 0; i < mask.size(); ++i) {
        if (mask[i] == 0.0) one.values[i] = kMasked;
      }
    }
    filters.push_back(std::move(one));
  }
  PLIANT_REQUIRE(ConfigError, !filters.empty(), net.description.name, ": has no convolution that could be pruned by magnitude");
  return filters;
}

// The magnitude that a weight must exceed to stay. Weights that are masked already come first in the order.
double threshold_of(std::vector<double> values, double fraction, bool of_remaining) {
  if (of_remaining) std::erase(values, kMasked);
  if (values.empty()) return 0.0;
  const auto place = values.begin() + static_cast<std::ptrdiff_t>(static_cast<double>(values.size()) * fraction);
  std::nth_element(values.begin(), place, values.end());
  return std::max(*place, 0.0);
}

std::vector<double> thresholds_of(const std::vector<Magnitudes>& filters, double fraction, WeightScope scope, bool of_remaining) {
  std::vector<double> thresholds, all;
  for (const Magnitudes& one : filters) {
    if (scope == WeightScope::layer) {
      thresholds.push_back(threshold_of(one.values, fraction, of_remaining));
    } else {
      all.insert(all.end(), one.values.begin(), one.values.end());
    }
  }
  if (scope == WeightScope::global) thresholds.assign(filters.size(), threshold_of(std::move(all), fraction, of_remaining));
  return thresholds;
}

Tensor mask_above(const Magnitudes& filter, double threshold) {
  std::vector<float> keep(filter.values.size());
  bool any = false;
  for (std::size_t i = 0; i < keep.size(); ++i) {
    keep[i] = filter.values[i] > threshold ? 1.0f : 0.0f;
    any = any || keep[i] > 0.0f;
  }
  PLIANT_REQUIRE(ConfigError, any, filter.parameter->name, ": magnitude pruning would leave none of its ", keep.size(),
                 " weights; take a smaller share, or one share for each layer");
  Tensor mask = Tensor::like(filter.parameter->value);
  if (mask.dtype() == DType::f64) {
    mask.write(std::vector<double>(keep.begin(), keep.end()).data());
  } else {
    mask.write(keep.data());
  }
  return mask;
}

void zero_masked(Parameter& parameter) { kernels::choose(parameter.mask, parameter.value, Tensor::zeros_like(parameter.value), parameter.value); }

std::int64_t ones_in(const Tensor& mask) {
  const std::vector<double> values = mask.to_doubles();
  return static_cast<std::int64_t>(values.size()) - std::count(values.begin(), values.end(), 0.0);
}

}  // namespace

const char* name_of(WeightScope scope) { return scope == WeightScope::global ? "global" : "layer"; }

WeightScope parse_weight_scope(const std::string& name) {
  for (const WeightScope scope : {WeightScope::global, WeightScope::layer}) {
    if (name == name_of(scope)) return scope;
  }
  throw UsageError(cat("scope \"", name, "\": expected global or layer"));
}

WeightCount count_filter_weights(const Net& net) {
  WeightCount count;
  for (const Parameter& parameter : net.store->parameters()) {
    if (parameter.role != Role::filter || parameter.frozen) continue;
    const std::int64_t all = parameter.shape().size();
    count.all += all;
    count.left += parameter.mask ? ones_in(parameter.mask) : all;
  }
  return count;
}

void prune_weights(Net& net, double fraction, WeightScope scope, bool of_remaining) {
  PLIANT_REQUIRE(UsageError, fraction > 0.0 && fraction < 1.0, "the share of weights to prune lies between 0 and 1, got ", fraction);
  const std::vector<Magnitudes> filters = magnitudes_of(net);
  const std::vector<double> thresholds = thresholds_of(filters, fraction, scope, of_remaining);
  std::vector<Tensor> masks;  // all of them before anything changes
  for (std::size_t i = 0; i < filters.size(); ++i) masks.push_back(mask_above(filters[i], thresholds[i]));
  for (std::size_t i = 0; i < filters.size(); ++i) {
    filters[i].parameter->mask = masks[i];
    zero_masked(*filters[i].parameter);
  }
}

void initialise_sparse(Net& net, std::uint64_t seed, double scale) {
  initialise(net, seed, InitialRule::he_normal_out, scale);
  for (Parameter& parameter : net.store->parameters()) {
    if (parameter.role != Role::filter || !parameter.mask) continue;
    const std::int64_t ones = ones_in(parameter.mask);
    PLIANT_REQUIRE(ConfigError, ones > 0, parameter.name, ": its mask leaves no weight that could be drawn");
    // A draw has the variance 2 / (K R S); n is that divided by size / ones.
    kernels::scale(parameter.value, std::sqrt(static_cast<double>(parameter.shape().size()) / static_cast<double>(ones)), parameter.value);
    zero_masked(parameter);
  }
}

}  // namespace pliant
