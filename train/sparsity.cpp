#include "train/sparsity.h"

#include <algorithm>
#include <utility>

#include "train/pruning/magnitude.h"

namespace pliant {

void require_fit(const SparsityOptions& options, const Net& net) {
  check(options);
  const std::deque<Parameter>& parameters = std::as_const(*net.store).parameters();
  const bool has_filters = std::any_of(parameters.begin(), parameters.end(), [](const Parameter& one) { return one.role == Role::filter; });
  PLIANT_REQUIRE(ConfigError, has_filters || options.fraction == 0.0, net.description.name, ": --sparsity prunes convolutions, and there is none");
  if (options.soft_pruning > 0.0) soft_filter_groups(net, options.soft_pruning);
}

Sparsity::Sparsity(Net& net, Optimizer& optimizer, const SparsityOptions& options, const TrainingLength& length)
    : net_(net), optimizer_(optimizer), options_(options), events_(pruning_events(options, length)) {
  require_fit(options, net);
  dense_step_ = options.dense_at * length.steps_per_epoch;
  if (options.soft_pruning > 0.0) soft_.emplace(net, options.soft_pruning);
}

bool Sparsity::act(std::int64_t steps) {
  const auto due = std::find_if(events_.begin(), events_.end(), [&](const PruningEvent& event) { return event.step == steps; });
  const bool prune = due != events_.end();
  if (prune) prune_weights(net_, due->fraction, parse_weight_scope(options_.scope), due->of_remaining);
  const bool dense = dense_step_ > 0 && steps == dense_step_;
  if (dense) {
    for (Parameter& parameter : net_.store->parameters()) {
      if (parameter.role == Role::filter) parameter.mask = {};
    }
  }
  if (prune || dense) optimizer_.refresh_rules();
  return prune;
}

bool Sparsity::settled(std::int64_t steps) const {
  return events_.empty() || (steps >= events_.back().step && (dense_step_ == 0 || steps > dense_step_));
}

void Sparsity::end_epoch() {
  if (soft_) soft_->prune();
}

void Sparsity::next_epoch() {
  if (soft_) soft_->release();
}

}  // namespace pliant
