#include "train/train_step.h"

#include <algorithm>
#include <chrono>

#include "train/exit_losses.h"
#include "train/hits.h"
#include "train/sparsity.h"

namespace pliant {

namespace {

// Marks what the configuration freezes, before the optimizer looks at it.
ParameterStore& frozen(ParameterStore& store, const std::vector<std::string>& prefixes) {
  for (const std::string& prefix : prefixes) {
    bool found = false;
    for (Parameter& parameter : store.parameters()) {
      if (!parameter.trainable() || !parameter.name.starts_with(prefix)) continue;
      parameter.frozen = found = true;
    }
    PLIANT_REQUIRE(ConfigError, found, "freeze: no parameter's name begins with \"", prefix, "\"; `pliant info` lists the layers");
  }
  return store;
}

// Names of the layers inside heads; a parameter of one is called so, a dot, and what it is.
std::vector<std::string> layers_of_heads(const Net& net) {
  const NetDescription& d = net.description;
  std::vector<std::string> names;
  std::vector<LayerCost> rows;
  Shape y{1, d.height, d.width, d.channels};
  for (const Stage& stage : net.stages) {
    y = stage.body->cost({}, y, rows);
    if (!stage.head) continue;
    std::vector<LayerCost> head;
    stage.head->cost({}, y, head);
    for (const LayerCost& row : head) names.push_back(row.name + ".");
  }
  return names;
}

bool starts_with_any(const std::string& name, const std::vector<std::string>& prefixes) {
  return std::any_of(prefixes.begin(), prefixes.end(), [&](const std::string& prefix) { return name.starts_with(prefix); });
}

bool any_taught(const std::vector<PlannedPass>& passes) {
  return std::any_of(passes.begin(), passes.end(), [](const PlannedPass& pass) { return pass.taught; });
}

}  // namespace

TrainStep::TrainStep(Net& net, const TrainConfig& config, std::unique_ptr<const SelectionPolicy> policy)
    : net_(net),
      config_(config),
      optimizer_(frozen(*net.store, config.freeze), config.optimizer),
      policy_(policy ? std::move(policy) : std::make_unique<DynamicPolicy>(net, config.dynamic, config.seed, config.epochs)),
      head_layers_(layers_of_heads(net)) {
  const DynamicOptions& dynamic = config.dynamic;
  check(dynamic);
  require_fit(config.sparsity, net);
  PLIANT_REQUIRE(ConfigError, config.sparsity.fraction == 0.0 || dynamic.width_training != "incremental", net.description.name,
                 ": --width-training incremental holds weights that --sparsity would prune; take another width training");
  exit_weights(dynamic, net.exits(), 0);
  const bool taught = dynamic.inplace_distillation || (dynamic.distill_exits > 0.0 && net.exits() > 1);
  PLIANT_REQUIRE(ConfigError, !taught || dynamic.exit_loss == "softmax", net.description.name,
                 ": distillation needs probabilities; it goes with --exit-loss softmax alone");
  PLIANT_REQUIRE(ConfigError, dynamic.freeze_backbone < config.epochs, "freeze-backbone: ", dynamic.freeze_backbone, " of ", config.epochs,
                 " epochs; the trunk would never train");
  if (dynamic.log_gradients || !net.description.survival.empty()) log_.emplace(*net.store, config.optimizer.loss_scale);
}

void TrainStep::begin_epoch(std::int64_t epoch, std::int64_t batch) {
  const DynamicOptions& dynamic = config_.dynamic;
  const bool heads_only = epoch < dynamic.freeze_backbone;
  trunk_ = heads_only ? Trunk::frozen : dynamic.detach_exits ? Trunk::detached : Trunk::joined;
  weights_ = exit_weights(dynamic, net_.exits(), epoch);
  if (dynamic.freeze_backbone > 0) {
    for (Parameter& parameter : net_.store->parameters()) {
      parameter.frozen = (heads_only && !starts_with_any(parameter.name, head_layers_)) || starts_with_any(parameter.name, config_.freeze);
    }
    optimizer_.refresh_rules();
    if (epoch == dynamic.freeze_backbone && batch == 0) restart_optimizer();
  }
  const int grown = policy_->grown_width(epoch);
  if (grown < 0 || (growth_ && growth_->width() == grown)) return;
  growth_.emplace(net_, grown);
  const bool first = batch == 0 && (epoch == 0 || policy_->grown_width(epoch - 1) != grown);
  if (first) restart_optimizer();
}

// Where other parameters begin to train: momentum that decay has built up meanwhile, or a correction for steps that they did not
// take, would throw them off.
void TrainStep::restart_optimizer() {
  for (const OptimizerArena& arena : optimizer_.arenas()) Tensor(arena.values).zero();
  optimizer_.set_steps(0);
}

std::vector<Tensor> TrainStep::backward_pass(const StepPlan& plan, const PlannedPass& planned, const Batch& batch, const Tensor& key,
                                             const std::vector<Tensor>& teacher, Tensor& loss_sum, Tensor* hits, BlockStates* states) {
  Tape tape;
  Pass pass{.context = net_.store->context(), .tape = &tape, .mode = Mode::train, .select = planned.select, .random_key = key,
            .samples = batch.samples, .trunk = plan.trunk, .statistics_momentum = planned.statistics_momentum, .states = states};
  const std::vector<Var> logits = forward(net_, pass, Var{batch.images});
  ExitTargets targets{.labels = batch.labels, .smoothing = config_.smoothing, .loss_scale = config_.optimizer.loss_scale};
  if (planned.taught) targets.teacher = teacher;
  for (int exit = 0; exit < net_.exits(); ++exit) {
    if (!planned.select.skipped_exits.contains(exit)) targets.weights.push_back(plan.exit_weights[static_cast<std::size_t>(exit)]);
  }
  if (hits) count_hits(logits.back().value, batch.labels, *hits);
  const bool teaches = !planned.taught && any_taught(plan.passes);
  const std::vector<Tensor> soft = teaches ? soft_targets(logits) : std::vector<Tensor>();
  tape.backward(exit_losses(logits, targets, config_.dynamic, loss_sum));
  return soft;
}

// Those that the net can lose, unless the policy drops others too or not the same in every pass.
IndexSet TrainStep::gated(const std::vector<PlannedPass>& passes) const {
  const NetDescription& d = net_.description;
  IndexSet gated, dropped;
  for (int block = 0; block < net_.blocks && !d.survival.empty() && !d.gate_per_sample; ++block) {
    if (d.survival[static_cast<std::size_t>(block)] < 1.0) gated.insert(block);
    if (passes.front().select.dropped.contains(block) && gated.contains(block)) dropped.insert(block);
  }
  const bool alike = std::all_of(passes.begin(), passes.end(), [&](const PlannedPass& pass) { return pass.select.dropped == dropped; });
  return alike ? gated : IndexSet();
}

StepPlan TrainStep::plan(std::int64_t epoch, std::int64_t batch, std::int64_t samples) const {
  StepPlan plan{.passes = policy_->passes(epoch, batch), .samples = samples, .trunk = trunk_, .exit_weights = weights_, .state = {}};
  PLIANT_REQUIRE(ConfigError, !plan.passes.empty(), "the policy \"", policy_->name(), "\" plans no pass for batch ", batch, " of epoch ", epoch);
  PLIANT_REQUIRE(ConfigError, !plan.passes.front().taught, "the policy \"", policy_->name(), "\" lets the first pass of batch ", batch, " of epoch ",
                 epoch, " be taught; the first one teaches");
  PLIANT_REQUIRE(ConfigError, config_.dynamic.exit_loss == "softmax" || !any_taught(plan.passes), "the policy \"", policy_->name(),
                 "\" teaches passes, which needs probabilities: exit_loss softmax alone");
  plan.gated = gated(plan.passes);
  const auto add = [&](const Tensor& memory) { plan.state.push_back(memory ? reinterpret_cast<std::uintptr_t>(memory.address()) : 0); };
  const ParameterStore& store = *net_.store;
  for (const Parameter& parameter : store.parameters()) plan.state.push_back(parameter.frozen);
  for (const auto& axis : store.axes()) add(axis->mask);
  add(optimizer_.mask());
  if (growth_) {
    for (const Tensor* memory : growth_->memory()) add(*memory);
  }
  return plan;
}

void TrainStep::launch(const StepPlan& plan, const Batch& batch, const Tensor& key, Tensor& loss_sum, Tensor& hits, BlockStates* states) {
  optimizer_.zero_gradients();
  std::vector<Tensor> teacher;
  for (const PlannedPass& planned : plan.passes) {
    const bool first = &planned == &plan.passes.front();
    std::vector<Tensor> soft = backward_pass(plan, planned, batch, key, teacher, loss_sum, first ? &hits : nullptr, states);
    if (first) teacher = std::move(soft);
  }
  if (log_) log_->add();
  optimizer_.apply();
  if (growth_) {
    growth_->hold();
    net_.store->refresh_compute_copy();  // here, so that a captured step ends with both alike
  }
}

std::vector<Tensor> TrainStep::changed() const {
  ParameterStore& store = *net_.store;
  std::vector<Tensor> changed = {store.values(), store.gradients(), store.buffers()};
  if (store.compute_copy()) changed.push_back(store.compute_copy());
  for (const OptimizerArena& arena : optimizer_.arenas()) changed.push_back(arena.values);
  if (log_) changed.push_back(log_->sums_on_device());
  return changed;
}

void TrainStep::count(const StepPlan& plan) {
  optimizer_.count_step();
  counts_.open_blocks += net_.blocks - plan.passes.front().select.dropped.count();
  ++counts_.steps;
}

void TrainStep::run(const Batch& batch, const Tensor& key, std::int64_t epoch, std::int64_t index, double rate, Tensor& loss_sum, Tensor& hits) {
  const StepPlan step = plan(epoch, index, batch.samples.size());
  optimizer_.scalars_on_device().write(optimizer_.scalars(rate, optimizer_.steps() + 1).data());
  launch(step, batch, key, loss_sum, hits);
  count(step);
}

double TrainStep::open_step_seconds(const Batch& batch, const Tensor& key, int repeats) {
  Tensor ignored = Tensor::zeros(net_.store->context(), {1}, net_.store->dtype());
  StepPlan open = plan(0, 0, batch.samples.size());
  for (PlannedPass& planned : open.passes) {
    planned.select.dropped = {};
    planned.statistics_momentum = 0.0;
    planned.taught = false;
  }
  std::vector<double> seconds;
  for (int i = 0; i <= repeats; ++i) {  // the first one warms up
    const auto start = std::chrono::steady_clock::now();
    for (const PlannedPass& planned : open.passes) backward_pass(open, planned, batch, key, {}, ignored, nullptr);
    ignored.to_doubles();  // waits for the device
    if (i > 0) seconds.push_back(std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
  optimizer_.zero_gradients();
  std::nth_element(seconds.begin(), seconds.begin() + repeats / 2, seconds.end());
  return seconds[static_cast<std::size_t>(repeats / 2)];
}

StepCounts TrainStep::counts() const {
  StepCounts counts = counts_;
  if (log_) counts.gradient_sums = log_->sums();
  return counts;
}

void TrainStep::set_counts(const StepCounts& counts) {
  counts_ = counts;
  counts_.gradient_sums.clear();
  if (!log_) return;
  const std::vector<double> none(log_->sums().size(), 0.0);
  log_->set_sums(counts.gradient_sums.empty() ? none : counts.gradient_sums);
}

}  // namespace pliant
