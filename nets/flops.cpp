#include "nets/flops.h"

namespace pliant {

namespace {

std::int64_t flops_of(const LayerCost& row, bool counts_average) {
  const std::int64_t elements = row.output.size();
  const bool relu = row.type == "relu" || row.type.ends_with("+ relu");
  if (row.type.ends_with("conv2d")) {
    const std::int64_t positions = row.output[1] * row.output[2], bias = row.parameters - row.macs / positions;
    return 2 * row.macs + bias * positions;
  }
  if (row.type == "linear") return row.macs + row.parameters;
  if (row.type.starts_with("batch norm")) return (row.output.rank() == 4 ? 2 * elements : 0) + (relu ? elements : 0);
  if (relu) return elements;
  if (row.type == "max pool" || (row.type == "global average pool" && counts_average)) return row.window * elements;
  return 0;
}

}  // namespace

std::int64_t repo_flops(const Net& net) {
  const bool counts_average = !net.description.name.starts_with("vgg");
  const LayerCost* before = nullptr;
  std::int64_t sum = 0;
  const NetCost total = cost(net);
  for (const LayerCost& row : total.layers) {
    sum += flops_of(row, counts_average);
    // There, channels are selected between batch norm and ReLU.
    if (before && before->type == "batch norm + relu" && row.name == before->name + ".select") sum += row.output.size() - before->output.size();
    before = &row;
  }
  return sum;
}

int scratch_b_epochs(int base, std::int64_t flops_big, std::int64_t flops_pruned) {
  PLIANT_REQUIRE(UsageError, base >= 1 && flops_big >= 1 && flops_pruned >= 1, "Scratch-B: ", base, " epochs, ", flops_big, " and ",
                 flops_pruned, " operations; all must be positive");
  return static_cast<int>(static_cast<double>(base) * static_cast<double>(flops_big) / static_cast<double>(flops_pruned));
}

}  // namespace pliant
