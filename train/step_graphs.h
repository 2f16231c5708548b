// Training steps that are replayed instead of launched kernel by kernel. The first step of a plan runs eagerly, so that libraries choose
// their plans and tables of indices are made; the second runs eagerly on the memory of the graphs; the third is captured and replayed,
// and so is every later one. All graphs share one pool: they run one after another, and nothing in it outlives a step. Of more than
// `limit` plans the one that was used longest ago is forgotten, its graph with it. Owned by the Trainer.
//
// Steps that differ in the gated blocks they drop are one plan (stochastic depth). The second of them is recorded in pieces: what every
// step launches, and the open and the dropped form of each block, forward and backward. Any step replays its pieces in their order.
#pragma once

#include <functional>
#include <list>
#include <memory>
#include <string>

#include "train/train_step.h"

namespace pliant {

enum class StepGraphMode { automatic, on, off };  // automatic: on a CUDA device, unless every operation is checked or traced

StepGraphMode parse_step_graphs(const std::string& name);  // "auto", "on", "off"; throws UsageError

struct StepGraphOptions {
  bool active = false;
  bool required = false;    // a capture that fails is an error, instead of a reason to stay eager
  std::size_t limit = 256;  // plans; two random widths of fourteen, in any order, are 182
};

// What a mode means on a context. Throws ConfigError where `on` is asked of a CPU, or of a context that checks or traces every
// operation: a replay has neither.
StepGraphOptions step_graph_options(const Context& context, StepGraphMode mode);

class StepGraphs {
 public:
  struct Counts {  // of steps
    std::int64_t eager = 0, captured = 0, replayed = 0;
  };
  using Step = std::function<void(BlockStates* states)>;     // states: as TrainStep::launch() takes it
  using Changed = std::function<std::vector<Tensor>()>;      // all memory that a step changes and later steps read

  StepGraphs(Context& context, const StepGraphOptions& options);  // ConfigError unless limit >= 1

  bool active() const { return options_.active; }

  // Runs the step, or replays what it launched before under an equal plan. `step` must launch the same on the same memory for equal plans,
  // let go of every tensor that it makes, and change nothing on the host: a captured step is called once and then never again.
  // Where blocks are gated it is called twice more before, in both states, after which `changed` is put back as it was.
  // Where a capture fails: DeviceError if graphs are required; else one warning, and the plan stays eager.
  void run(const StepPlan& plan, const Step& step, const Changed& changed = {});

  const Counts& counts() const { return counts_; }
  // Recorded now. One per plan without gated blocks; else at most six per block and pass and one more, a number that no pattern adds to.
  std::size_t graphs() const;
  const MemoryPool& pool() const { return *pool_; }

 private:
  class Recorder;
  enum class Next { warm_up, rehearse, capture, replay, eager };
  struct Piece {
    gpu::Graph graph;
    int block = -1;     // that it belongs to; -1: every step launches it
    bool open = false;  // the form of that block
  };
  struct Entry {
    StepPlan plan;      // without what it drops of the gated blocks
    Next next = Next::warm_up;
    std::vector<Piece> pieces;
  };
  Entry* find(const StepPlan& plan);  // moved to the front; null where it is new
  void add(const StepPlan& plan);
  void fill_pool(Entry& entry, const std::function<void()>& step);
  void rehearse(Entry& entry, const Step& step, const Changed& changed);
  void capture(Entry& entry, const Step& step);
  void replay(const Entry& entry, const StepPlan& plan);
  void give_up(Entry& entry, const std::string& why);

  Context& context_;
  StepGraphOptions options_;
  bool warned_ = false;
  std::shared_ptr<MemoryPool> pool_;  // of all graphs, which go first
  std::list<Entry> entries_;          // the one used last in front
  Counts counts_;
};

}  // namespace pliant
