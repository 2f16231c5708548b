// What a net costs, layer by layer: scalars, multiply-accumulates, bytes and measured time; of a masked net also what it would cost if the
// masked channels were really removed, and without any mask. It counts and measures what is there and changes nothing.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "train/latency.h"

namespace pliant {

// Effective: what is left without zeros. Channels that masks of axes (or a block factor of zero) switch off do not count, nor do weights
// of convolutions and linear layers that are exactly zero, nor any scalar that its parameter's mask switches off. Biases and scalars
// of batch norm count also where they happen to be zero.
struct CostRow {
  std::string name, type;
  std::int64_t parameters = 0, effective_parameters = 0;  // trainable scalars
  std::int64_t macs = 0, effective_macs = 0;              // of one image
  std::int64_t file_bytes = 0;        // of its tensors in a checkpoint: parameters, buffers, masks at one byte a scalar
  std::int64_t memory_bytes = 0;      // of the same on the device
  std::int64_t activation_bytes = 0;  // of its output for one image
  std::optional<double> median_ms;    // see measure_cost(); convolutions and linear layers alone
};

struct BatchCost {
  std::int64_t batch = 1;
  Timing time;                                // of the whole net
  std::int64_t largest_activation_bytes = 0;  // of one tensor
  std::int64_t working_bytes = 0;             // most that a pass held beside net and input when a convolution or linear layer had run
};

struct CostTable {
  std::vector<CostRow> rows;      // in the order in which layers run
  CostRow total;                  // bytes of masks of axes and of what no row owns included; activation_bytes: the largest
  std::int64_t gradient_bytes = 0;  // training needs them beside memory_bytes
  std::vector<BatchCost> batches;
};

struct CostReport {
  CostTable given;                    // the net as it is
  std::optional<CostTable> removed;   // what nets/compact.h makes of it; where that changes it
  std::vector<BatchCost> unmasked;    // the net without the masks of its axes; where there is `removed`
  std::int64_t weights = 0, zero_weights = 0;  // of convolutions and linear layers in what removal leaves
};

// Counts alone, at the full width up to every exit; no time, no batches. The net is allocated. ConfigError where its masks cannot be removed.
CostReport count_cost(const Net& net);

// And times on the net's device, for every batch size, of all the nets in turns. A row's time is at the first batch size, from the end of the
// convolution or linear layer before it to its own end, so that it has the batch norm and the activation between the two in it.
CostReport measure_cost(const Net& net, const std::vector<std::int64_t>& batches, const TimingOptions& options);

// Where masked and removed, or counted and effective numbers differ: how much, and why. No sentence where nothing differs.
std::vector<std::string> explain(const CostReport& report);

// An object with rows and total of the net as it is, removed (rows and total), unmasked and notes; bytes and milliseconds.
std::string to_json(const CostReport& report);

}  // namespace pliant
