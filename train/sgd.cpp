#include "train/sgd.h"

#include "core/memory_ops.h"
#include "kernels/sgd.h"

namespace pliant {

namespace {

// One row (rate factor, decay, l1) per 64 elements. Padding after a parameter takes its rules: it is zero and stays zero.
Tensor make_rules(ParameterStore& store, const SgdOptions& options) {
  constexpr std::int64_t kChunk = ParameterStore::kAlignment;
  const std::int64_t chunks = store.values().size() / kChunk;
  std::vector<double> rules(static_cast<std::size_t>(3 * chunks), 0.0);
  for (const Parameter& parameter : store.parameters()) {
    if (!parameter.trainable()) continue;
    const bool is_weight = parameter.role == Role::filter || parameter.role == Role::weight;
    const std::int64_t first = parameter.offset / kChunk, count = (parameter.shape().size() + kChunk - 1) / kChunk;
    for (std::int64_t chunk = first; chunk < first + count; ++chunk) {
      double* row = &rules[static_cast<std::size_t>(3 * chunk)];
      row[0] = parameter.frozen ? 0.0 : 1.0;
      row[1] = options.decay_all || is_weight ? options.weight_decay : 0.0;
      row[2] = is_weight ? options.l1 : 0.0;
    }
  }
  Tensor result(store.context(), {chunks, 3}, store.dtype());
  if (store.dtype() == DType::f64) {
    result.write(rules.data());
  } else {
    result.write(std::vector<float>(rules.begin(), rules.end()).data());
  }
  return result;
}

// The masks of all parameters in one arena of ones, or no tensor where no parameter has one.
Tensor make_mask(ParameterStore& store) {
  Tensor mask;
  for (const Parameter& parameter : store.parameters()) {
    if (!parameter.trainable() || !parameter.mask) continue;
    if (!mask) {
      mask = Tensor::like(store.values());
      kernels::fill(mask, 1.0);
    }
    mask.view(parameter.offset, parameter.shape()).copy_from(parameter.mask);
  }
  return mask;
}

}  // namespace

Sgd::Sgd(ParameterStore& store, const SgdOptions& options) : store_(store), options_(options) {
  const auto require = [](const char* name, double value, double high) {
    PLIANT_REQUIRE(ConfigError, value >= 0.0 && value <= high, "sgd: the ", name, " lies in [0, ", high, "], got ", value);
  };
  require("momentum", options.momentum, 1.0);
  require("weight decay", options.weight_decay, 1e3);
  require("l1 penalty", options.l1, 1e3);
  PLIANT_REQUIRE(ConfigError, !options.nesterov || options.momentum > 0.0, "sgd: Nesterov's form needs a momentum above 0");
  velocity_ = Tensor::zeros_like(store.values());
  rules_ = make_rules(store, options);
  mask_ = make_mask(store);
  scalars_ = Tensor(store.context(), {2}, DType::f64);
}

void Sgd::step(double rate) {
  const double scalars[2] = {rate, options_.momentum};
  scalars_.write(scalars);
  kernels::sgd_step(store_.values(), store_.gradients(), velocity_, rules_, mask_, scalars_, options_.nesterov);
}

}  // namespace pliant
