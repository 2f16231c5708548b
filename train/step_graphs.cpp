#include "train/step_graphs.h"

#include <algorithm>
#include <iostream>

namespace pliant {

StepGraphMode parse_step_graphs(const std::string& name) {
  if (name == "auto") return StepGraphMode::automatic;
  if (name == "on") return StepGraphMode::on;
  if (name == "off") return StepGraphMode::off;
  throw UsageError(cat("step graphs \"", name, "\": expected auto, on or off"));
}

StepGraphOptions step_graph_options(const Context& context, StepGraphMode mode) {
  const bool watched = context.options().check_finite || context.options().trace;
  if (mode == StepGraphMode::off) return {};
  if (mode == StepGraphMode::automatic) return {.active = context.device() == Device::cuda && !watched};
  PLIANT_REQUIRE(ConfigError, context.backend() == Backend::gpu, "step graphs: the ", name_of(context.device()),
                 " records no graphs; use --device cuda, or --step-graphs auto");
  PLIANT_REQUIRE(ConfigError, !watched, "step graphs: a replayed step can neither be checked nor traced operation by operation; ",
                 "leave that out, or use --step-graphs off");
  return {.active = true, .required = true};
}

StepGraphs::StepGraphs(Context& context, const StepGraphOptions& options)
    : context_(context),
      options_(options),
      pool_(std::make_shared<MemoryPool>(context.backend() == Backend::gpu, context.stream(), MemoryPool::Use::of_graphs)) {
  PLIANT_REQUIRE(ConfigError, options.limit >= 1, "step graphs: at least one must fit");
  pool_->seal(true);
}

std::size_t StepGraphs::graphs() const {
  return static_cast<std::size_t>(std::count_if(entries_.begin(), entries_.end(), [](const Entry& entry) { return static_cast<bool>(entry.graph); }));
}

StepGraphs::Entry* StepGraphs::find(const StepPlan& plan) {
  const auto found = std::find_if(entries_.begin(), entries_.end(), [&](const Entry& entry) { return entry.plan == plan; });
  if (found == entries_.end()) return nullptr;
  entries_.splice(entries_.begin(), entries_, found);
  return &entries_.front();
}

void StepGraphs::add(const StepPlan& plan) {
  if (entries_.size() == options_.limit) entries_.pop_back();
  entries_.push_front({.plan = plan, .next = Next::warm_up, .graph = {}});
}

void StepGraphs::run(const StepPlan& plan, const std::function<void()>& step) {
  Entry* entry = options_.active ? find(plan) : nullptr;
  if (entry && entry->next == Next::capture) capture(*entry, step);
  if (entry && entry->next == Next::replay) {
    entry->graph.replay();
    ++counts_.replayed;
    return;
  }
  ++counts_.eager;
  if (entry && entry->next == Next::warm_up) return warm_up(*entry, step);
  step();
  if (options_.active && !entry) add(plan);
}

// The pool gets every block that the step asks for. The first time the context gives back what it keeps for eager steps, of which there are
// fewer from now on: memory for both at once may not be there.
void StepGraphs::warm_up(Entry& entry, const std::function<void()>& step) {
  if (pool_->counters().driver_allocations == 0) context_.pool().trim();
  const std::size_t live = pool_->counters().live_bytes;
  pool_->seal(false);
  try {
    const PoolScope scope(context_, pool_);
    step();
  } catch (...) {
    pool_->seal(true);
    throw;
  }
  pool_->seal(true);
  entry.next = Next::capture;
  if (pool_->counters().live_bytes != live) give_up(entry, cat(pool_->counters().live_bytes - live, " bytes that it made outlive it"));
}

void StepGraphs::capture(Entry& entry, const std::function<void()>& step) {
  try {
    const PoolScope scope(context_, pool_);
    gpu::begin_capture(context_.stream());
    step();
    entry.graph = gpu::end_capture(context_.stream());
    entry.next = Next::replay;
    ++counts_.captured;
  } catch (const Error& error) {
    gpu::abandon_capture(context_.stream());
    give_up(entry, error.what());
  } catch (...) {
    gpu::abandon_capture(context_.stream());
    throw;
  }
}

void StepGraphs::give_up(Entry& entry, const std::string& why) {
  PLIANT_REQUIRE(DeviceError, !options_.required, "a training step could not be captured as a graph: ", why);
  entry.next = Next::eager;
  if (!warned_) std::clog << "warning: a training step could not be captured as a graph and stays eager: " << why << '\n';
  warned_ = true;
}

}  // namespace pliant
