#include "train/optimizer.h"

#include <algorithm>
#include <cmath>

#include "core/memory_ops.h"
#include "kernels/adam.h"
#include "kernels/arena_checks.h"
#include "kernels/elementwise.h"
#include "kernels/sgd.h"

namespace pliant {

namespace {

// One row (rate factor, decay, l1, proximal weight) per 64 elements. Padding after a parameter takes its rules: it is zero and stays zero.
void write_rules(ParameterStore& store, const OptimizerOptions& options, Tensor& result) {
  constexpr std::int64_t kChunk = ParameterStore::kAlignment, kRule = kernels::kArenaRule;
  const std::int64_t chunks = store.values().size() / kChunk;
  std::vector<double> rules(static_cast<std::size_t>(kRule * chunks), 0.0);
  for (const Parameter& parameter : store.parameters()) {
    if (!parameter.trainable()) continue;
    const bool is_block_scale = parameter.role == Role::block_scale;
    const bool is_weight = parameter.role == Role::filter || parameter.role == Role::weight;
    const std::int64_t first = parameter.offset / kChunk, count = (parameter.shape().size() + kChunk - 1) / kChunk;
    for (std::int64_t chunk = first; chunk < first + count; ++chunk) {
      double* row = &rules[static_cast<std::size_t>(kRule * chunk)];
      row[0] = parameter.frozen ? 0.0 : 1.0;
      row[1] = !is_block_scale && (options.decay_all || is_weight) ? options.weight_decay : 0.0;
      row[2] = is_weight ? options.l1 : parameter.role == Role::scale ? options.scale_sparsity : 0.0;
      row[3] = is_block_scale ? options.block_sparsity : -1.0;
    }
  }
  if (store.dtype() == DType::f64) {
    result.write(rules.data());
  } else {
    result.write(std::vector<float>(rules.begin(), rules.end()).data());
  }
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

bool has_role(const ParameterStore& store, Role role) {
  const auto& all = store.parameters();
  return std::any_of(all.begin(), all.end(), [role](const Parameter& parameter) { return parameter.role == role; });
}

// A penalty that reaches nothing would be a run that was not asked for.
void check_sparsity(const ParameterStore& store, const OptimizerOptions& options) {
  const bool factors = has_role(store, Role::block_scale);
  PLIANT_REQUIRE(ConfigError, options.scale_sparsity == 0.0 || has_role(store, Role::scale), "optimizer: a scale sparsity of ",
                 options.scale_sparsity, " penalises scales of batch norm, and the net has none");
  PLIANT_REQUIRE(ConfigError, options.block_sparsity == 0.0 || factors, "optimizer: a block sparsity of ", options.block_sparsity,
                 " penalises factors of residual blocks, and the net has none; build it with block scales");
  PLIANT_REQUIRE(ConfigError, !factors || options.kind == OptimizerKind::sgd,
                 "optimizer: factors of residual blocks take SGD's proximal update; use sgd instead of adam");
}

void check_options(const OptimizerOptions& options) {
  const auto require = [](const char* name, double value, double high) {
    PLIANT_REQUIRE(ConfigError, value >= 0.0 && value <= high, "optimizer: the ", name, " lies in [0, ", high, "], got ", value);
  };
  require("weight decay", options.weight_decay, 1e3);
  require("l1 penalty", options.l1, 1e3);
  require("scale sparsity", options.scale_sparsity, 1e3);
  require("block sparsity", options.block_sparsity, 1e3);
  PLIANT_REQUIRE(ConfigError, options.loss_scale >= 1.0 && options.loss_scale <= 0x1p24, "optimizer: the loss scale lies in [1, 2^24], got ",
                 options.loss_scale);
  if (options.kind == OptimizerKind::sgd) {
    require("momentum", options.momentum, 1.0);
    PLIANT_REQUIRE(ConfigError, !options.nesterov || options.momentum > 0.0, "optimizer: Nesterov's form needs a momentum above 0");
    return;
  }
  for (const double beta : {options.beta1, options.beta2}) {
    PLIANT_REQUIRE(ConfigError, beta >= 0.0 && beta < 1.0, "optimizer: Adam's betas lie in [0, 1), got ", beta);
  }
  // At a zero gradient the step is 0 / epsilon.
  PLIANT_REQUIRE(ConfigError, options.epsilon >= 1e-30 && options.epsilon <= 1.0, "optimizer: Adam's epsilon lies in [1e-30, 1], got ",
                 options.epsilon);
}

}  // namespace

const char* name_of(OptimizerKind kind) { return kind == OptimizerKind::sgd ? "sgd" : "adam"; }

OptimizerKind parse_optimizer(const std::string& name) {
  for (const OptimizerKind kind : {OptimizerKind::sgd, OptimizerKind::adam}) {
    if (name == name_of(kind)) return kind;
  }
  throw UsageError(cat("optimizer \"", name, "\": expected sgd or adam"));
}

Optimizer::Optimizer(ParameterStore& store, const OptimizerOptions& options) : store_(store), options_(options) {
  check_options(options);
  check_sparsity(store, options);
  const bool adam = options.kind == OptimizerKind::adam;
  for (const char* name : adam ? std::vector{"moment1", "moment2"} : std::vector{"velocity"}) {
    arenas_.push_back({name, Tensor::zeros_like(store.values())});
  }
  rules_ = Tensor(store.context(), {store.values().size() / ParameterStore::kAlignment, kernels::kArenaRule}, store.dtype());
  refresh_rules();
  scalars_ = Tensor(store.context(), {adam ? 7 : 3}, DType::f64);
}

void Optimizer::refresh_rules() {
  write_rules(store_, options_, rules_);
  mask_ = make_mask(store_);
  if (!mask_) return;
  const Tensor none = Tensor::zeros_like(mask_);
  for (OptimizerArena& arena : arenas_) kernels::choose(mask_, arena.values, none, arena.values);
}

void Optimizer::set_steps(std::int64_t steps) {
  PLIANT_REQUIRE(ConfigError, steps >= 0, "optimizer: the number of steps is negative: ", steps);
  steps_ = steps;
}

void Optimizer::restore(const std::vector<OptimizerArena>& saved) {
  std::vector<const Tensor*> sources;
  for (const OptimizerArena& arena : arenas_) {
    const auto found = std::find_if(saved.begin(), saved.end(), [&](const OptimizerArena& one) { return one.name == arena.name; });
    PLIANT_REQUIRE(FileError, found != saved.end(), "optimizer: the state \"", arena.name, "\" of ", name_of(options_.kind),
                   " is missing in the checkpoint");
    PLIANT_REQUIRE(FileError, found->values.shape() == arena.values.shape() && found->values.dtype() == arena.values.dtype(),
                   "optimizer: the state \"", arena.name, "\" must be ", arena.values, ", got ", found->values);
    sources.push_back(&found->values);
  }
  for (std::size_t i = 0; i < sources.size(); ++i) arenas_[i].values.copy_from(*sources[i]);
}

std::vector<double> Optimizer::scalars(double rate, std::int64_t t) const {
  const double times = 1.0 / options_.loss_scale;
  if (options_.kind == OptimizerKind::sgd) return {rate, options_.momentum, times};
  const auto steps = static_cast<double>(t);
  return {rate, options_.beta1, options_.beta2, options_.epsilon, 1.0 - std::pow(options_.beta1, steps), 1.0 - std::pow(options_.beta2, steps),
          times};
}

void Optimizer::apply() {
  Tensor &w = store_.values(), &gradients = store_.gradients(), &copy = store_.compute_copy();
  store_.refresh_compute_copy();  // a step leaves what is frozen as it is
  if (options_.kind == OptimizerKind::sgd) {
    kernels::sgd_step(w, gradients, arenas_[0].values, rules_, mask_, scalars_, options_.nesterov, copy);
  } else {
    kernels::adam_step(w, gradients, arenas_[0].values, arenas_[1].values, rules_, mask_, scalars_, copy);
  }
  store_.compute_copy_is_fresh();
}

void Optimizer::step(double rate) {
  count_step();
  scalars_.write(scalars(rate, steps_).data());
  apply();
}

}  // namespace pliant
