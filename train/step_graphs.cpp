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

namespace {

StepPlan with_all_blocks(StepPlan plan) {
  for (PlannedPass& pass : plan.passes) pass.select.dropped = {};
  return plan;
}

}  // namespace

StepGraphs::StepGraphs(Context& context, const StepGraphOptions& options)
    : context_(context),
      options_(options),
      pool_(std::make_shared<MemoryPool>(context.backend() == Backend::gpu, context.stream(), MemoryPool::Use::of_graphs)) {
  PLIANT_REQUIRE(ConfigError, options.limit >= 1, "step graphs: at least one must fit");
  pool_->seal(true);
}

// Cuts what is captured into pieces. Without a list of them nothing is captured: a rehearsal.
class StepGraphs::Recorder : public BlockStates {
 public:
  Recorder(gpu::Stream stream, const IndexSet& gated, std::vector<Piece>* pieces) : stream_(stream), gated_(gated), pieces_(pieces) {
    if (pieces_) gpu::begin_capture(stream_);
  }

  bool both(int block) const override { return gated_.contains(block); }
  void begin(int block, bool open) override {
    PLIANT_REQUIRE(DeviceError, block_ < 0 || block == block_, "block ", block, " lies within block ", block_, ", and both can be dropped");
    cut(block, open);
  }
  void end() override { cut(-1, false); }
  void finish() { keep(); }

 private:
  void cut(int block, bool open) {
    keep();
    if (pieces_) gpu::begin_capture(stream_);
    block_ = block;
    open_ = open;
  }
  void keep() {
    if (!pieces_) return;
    gpu::Graph graph = gpu::end_capture(stream_);
    if (graph.nodes() > 0) pieces_->push_back({std::move(graph), block_, open_});
  }

  gpu::Stream stream_;
  const IndexSet& gated_;
  std::vector<Piece>* pieces_;
  int block_ = -1;
  bool open_ = false;
};

std::size_t StepGraphs::graphs() const {
  std::size_t graphs = 0;
  for (const Entry& entry : entries_) graphs += entry.pieces.size();
  return graphs;
}

StepGraphs::Entry* StepGraphs::find(const StepPlan& plan) {
  const auto found = std::find_if(entries_.begin(), entries_.end(), [&](const Entry& entry) { return entry.plan == plan; });
  if (found == entries_.end()) return nullptr;
  entries_.splice(entries_.begin(), entries_, found);
  return &entries_.front();
}

void StepGraphs::add(const StepPlan& plan) {
  if (entries_.size() == options_.limit) entries_.pop_back();
  entries_.push_front({.plan = plan, .next = plan.gated.empty() ? Next::warm_up : Next::rehearse, .pieces = {}});
}

void StepGraphs::run(const StepPlan& plan, const Step& step, const Changed& changed) {
  PLIANT_REQUIRE(ConfigError, plan.gated.empty() || changed, "a step with gated blocks is rehearsed, and needs to say what it changes");
  std::optional<StepPlan> opened;
  if (options_.active && !plan.gated.empty()) opened = with_all_blocks(plan);
  const StepPlan& key = opened ? *opened : plan;
  Entry* entry = options_.active ? find(key) : nullptr;
  if (entry && entry->next == Next::rehearse) rehearse(*entry, step, changed);
  if (entry && entry->next == Next::capture) capture(*entry, step);
  if (entry && entry->next == Next::replay) return replay(*entry, plan);
  ++counts_.eager;
  if (entry && entry->next == Next::warm_up) return fill_pool(*entry, [&] { step(nullptr); });
  step(nullptr);
  if (options_.active && !entry) add(key);
}

void StepGraphs::replay(const Entry& entry, const StepPlan& plan) {
  for (const Piece& piece : entry.pieces) {
    if (piece.block < 0 || piece.open != plan.passes.front().select.dropped.contains(piece.block)) piece.graph.replay();
  }
  ++counts_.replayed;
}

// The pool gets every block that the step asks for. The first time the context gives back what it keeps for eager steps, of which there are
// fewer from now on: memory for both at once may not be there.
void StepGraphs::fill_pool(Entry& entry, const std::function<void()>& step) {
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

// Both states of every block run, on the context's memory first: an eager step has not seen all blocks open, so libraries may have plans to
// choose and tables to make that stay. Values are put back as the device finds them, past the host, which takes copies in another type
// for as fresh as they were.
void StepGraphs::rehearse(Entry& entry, const Step& step, const Changed& changed) {
  std::vector<std::pair<Tensor, Tensor>> kept;
  const auto run = [&] {
    Recorder rehearsal(context_.stream(), entry.plan.gated, nullptr);
    step(&rehearsal);
  };
  const auto put_back = [&] {
    for (const auto& [tensor, before] : kept) gpu::copy(context_.stream(), tensor.address(), before.address(), tensor.bytes());
  };
  try {
    for (const Tensor& tensor : changed()) kept.emplace_back(tensor, tensor.clone());
    run();
    put_back();
    fill_pool(entry, run);
  } catch (const Error& error) {
    if (options_.required) throw;
    give_up(entry, error.what());
    if (graphs() == 0) pool_->trim();  // there may be too little memory, and nobody needs this
  }
  put_back();
}

void StepGraphs::capture(Entry& entry, const Step& step) {
  try {
    const PoolScope scope(context_, pool_);
    Recorder recorder(context_.stream(), entry.plan.gated, &entry.pieces);
    step(entry.plan.gated.empty() ? nullptr : &recorder);
    recorder.finish();
    entry.next = Next::replay;
    ++counts_.captured;
  } catch (const Error& error) {
    gpu::abandon_capture(context_.stream());
    entry.pieces.clear();
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
