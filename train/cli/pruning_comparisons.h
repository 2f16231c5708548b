// The comparisons of `pliant compare` that are about pruning: their flags, what they do where no flag says otherwise, and their reports.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "train/cli/train_flags.h"
#include "train/compare/comparison.h"

namespace CLI {
class App;
}

namespace pliant::cli {

struct PruningFlags {
  std::optional<std::string> method, plan, budget, what, from, from_data, from_dataset;
  std::vector<double> ratios, rates;
  std::vector<std::string> kernel_shapes;
  std::optional<std::int64_t> fine_tune_epochs, floor, images;
  std::optional<double> fine_tune_rate;
};
void add_pruning_flags(CLI::App& verb, PruningFlags& flags);

bool is_pruning_comparison(const std::string& comparison);
// UsageError for a flag that the comparison does not have.
void require_fitting_flags(const CLI::App& verb, const std::string& comparison);

// Over the net's recipe: the papers' schedule and first weights, and so few epochs and images that it takes minutes on a CPU.
void apply_small_defaults(const std::string& net_name, TrainConfig& config);

// An experiment, and what writes its report into the folder and returns the text, or the JSON, to print; not set: as of other comparisons.
struct PlannedComparison {
  Experiment experiment;
  std::function<Splits(std::uint64_t seed)> other_data{};
  std::function<std::string(Context& context, const Experiment& experiment, const std::string& out, const std::vector<std::uint64_t>& seeds,
                            const std::vector<ComparedRow>& rows, bool json)>
      report{};
};
PlannedComparison plan_pruning_comparison(const std::string& comparison, const PruningFlags& flags, const NetDescription& net, TrainConfig config);

}  // namespace pliant::cli
