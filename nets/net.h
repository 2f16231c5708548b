// A net is data: parameters and stages, some of which carry a head (an exit). There are no subclasses; builders return nets.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "layers/layer.h"
#include "nets/description.h"

namespace pliant {

struct Stage {
  LayerPtr body;
  LayerPtr head;           // null: no exit here
  bool group_end = false;  // the last stage at its resolution
  bool elastic = false;    // where the paper on Elastic networks puts a head (and at the end of every net)
};

struct ConvNorm {  // a convolution and the batch norm that reads it and nothing else
  std::string convolution, norm;
  double epsilon;
};

struct Net {
  NetDescription description;
  std::unique_ptr<ParameterStore> store;
  std::vector<Stage> stages;  // the last one has a head
  int blocks = 0;             // residual branches, which a Selection can drop
  std::vector<ConvNorm> conv_norms;  // none where the description says that they are folded

  int exits() const;
  int widths() const { return 1 + static_cast<int>(description.widths.size()); }
};

// Evaluates one exit alone, 0 the first; nothing deeper runs. Throws UsageError for an exit that the net does not have.
Selection only_exit(const Net& net, int exit);

// Logits [N, classes] of every exit that the pass selects, first exit first. x is of the type that the net computes in, or is converted
// to it; logits are of the type of its parameters: f32 in a net that computes in 16 bits. Stages deeper than the last selected exit do not run.
// Throws ShapeError where x does not fit the net, ConfigError where the selection names what the net does not have.
std::vector<Var> forward(const Net& net, Pass& pass, const Var& x);

struct NetCost {
  std::vector<LayerCost> layers;
  std::int64_t parameters = 0, macs = 0;
};
enum class Counting {
  trainable,  // weights, biases, batch-norm scale and shift
  keras       // running statistics too: four scalars per channel of a batch norm, as the paper on Elastic networks has it
};
// What the selected part of the net costs for one sample; derived from the layers, needs no memory for parameters.
NetCost cost(const Net& net, const Selection& select = {}, Counting counting = Counting::trainable);

// One exit as if it were alone: the stages up to it and its own head, without the heads of earlier exits.
struct ExitDepth {
  int stage = 0;
  int convolutions = 0;  // on the longest path
  std::int64_t parameters = 0, macs = 0;
};
// One row per exit, first exit first, at the width of the selection; what it drops or skips is counted nevertheless.
std::vector<ExitDepth> depth_table(const Net& net, const Selection& select = {}, Counting counting = Counting::trainable);

}  // namespace pliant
