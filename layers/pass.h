// What one forward pass needs besides its input. A Selection says which part of a net runs; it is a plain value that can be
// compared, hashed, printed and drawn at random. Layers keep no state about the current pass.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <ostream>
#include <string>
#include <vector>

#include "core/tape.h"

namespace pliant {

// A set of small non-negative integers without an upper limit: residual blocks, exits.
class IndexSet {
 public:
  IndexSet() = default;
  IndexSet(std::initializer_list<int> members) {
    for (const int member : members) insert(member);
  }
  void insert(int member);
  bool contains(int member) const;
  bool empty() const { return words_.empty(); }
  int count() const;
  bool operator==(const IndexSet&) const = default;
  std::size_t hash() const;

 private:
  friend std::ostream& operator<<(std::ostream& out, const IndexSet& set);
  std::vector<std::uint64_t> words_;  // the last word is never 0, so that equal sets are equal vectors
};

struct Selection {
  static constexpr int kOfWidth = -1;
  int width = 0;                   // row of the net's width table; 0 is the full width
  int statistics = kOfWidth;       // batch-norm set; by default the one of the width, or set 0 where there is only one
  IndexSet dropped{};              // residual branches that do not run
  IndexSet skipped_exits{};        // exits that are not evaluated; stages that only they need do not run
  bool operator==(const Selection&) const = default;
};
std::ostream& operator<<(std::ostream& out, const Selection& selection);

enum class Mode : std::uint8_t { train, eval };

// What training does with the bodies of the stages, the trunk that all exits share.
enum class Trunk : std::uint8_t {
  joined,    // it learns from every exit
  detached,  // it learns from the last exit alone; the others train their heads
  frozen     // it runs as in eval mode, and only the heads train
};

// How open residual branches count: by the pass's mode, or as in one of the two whatever the mode. Eval mode with branches as in
// training gives one gate pattern of the average over many; training with branches as in eval mode gives the statistics that eval
// mode meets.
enum class Branches : std::uint8_t { of_mode, as_in_training, as_in_eval };

// What a method that looks at activations sees, once for every convolution and linear layer that runs, in the order they run:
// the layer's name; x, exactly as the layer reads it (after a selection of channels, at the active width); y, what it computed with
// its bias, before masks of axes, batch norm and activation. Both are the tensors of the pass itself and share its memory: copy
// what shall outlive the call, and do not write into them. A residual block shows what its shortcut carries, as x and as y.
using PassObserver = std::function<void(const std::string& layer, const Tensor& x, const Tensor& y)>;

class BlockStates;  // layers/block_states.h

struct Pass {
  Context& context;
  Tape* tape = nullptr;            // null: inference, nothing is recorded
  Mode mode = Mode::eval;
  Selection select{};
  Tensor random_key{};             // [3] i32: low and high word of the seed, epoch; needed where something is drawn
  Tensor samples{};                // [N] i32: ids of the samples in the batch; likewise
  Trunk trunk = Trunk::joined;
  Branches branches = Branches::of_mode;
  // Replaces the momentum of every running statistic: 1 / k in the k-th of several passes gives their plain average.
  std::optional<double> statistics_momentum{};
  BlockStates* states = nullptr;           // null: blocks run as the Selection says
  const PassObserver* observer = nullptr;  // null: nobody looks, at no cost
  void show(const std::string& layer, const Tensor& x, const Tensor& y) const {
    if (observer) (*observer)(layer, x, y);
  }
};

}  // namespace pliant

template <>
struct std::hash<pliant::Selection> {
  std::size_t operator()(const pliant::Selection& selection) const noexcept;
};
