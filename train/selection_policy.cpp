#include "train/selection_policy.h"

#include <algorithm>

#include "core/rng.h"
#include "nets/widths.h"

namespace pliant {

namespace {

constexpr int kSteps = 32;  // universally slimmable nets draw ratios that are multiples of 1 / 32

// Adds the widths strictly between the narrowest and the full one; returns their rows.
std::vector<int> add_universal_widths(Net& net) {
  const NetDescription& d = net.description;
  const double narrowest = width_ratio(d, net.widths() - 1);
  std::vector<int> rows;
  std::vector<std::int64_t> previous;
  for (int step = kSteps - 1; step > 0; --step) {
    const double ratio = static_cast<double>(step) / kSteps;
    if (ratio <= narrowest) break;
    const std::vector<std::int64_t> row = width_row(net, ratio, usual_rounding(d.name));
    if (row != previous) rows.push_back(net.store->add_width(row));
    previous = row;
  }
  return rows;
}

// Which of `parts` equal parts of all epochs this one lies in.
int part_of(std::int64_t epoch, std::int64_t epochs, int parts) {
  return static_cast<int>(std::min<std::int64_t>(epoch * parts / std::max<std::int64_t>(epochs, 1), parts - 1));
}

}  // namespace

DynamicPolicy::DynamicPolicy(Net& net, const DynamicOptions& options, std::uint64_t seed, std::int64_t epochs)
    : net_(net), options_(options), seed_(seed), epochs_(epochs) {
  check(options);
  const NetDescription& d = net.description;
  const bool sandwich = options.width_training == "sandwich", incremental = options.width_training == "incremental";
  PLIANT_REQUIRE(ConfigError, !(sandwich || incremental || options.inplace_distillation) || net.widths() > 1, d.name,
                 ": has one width; --width-training and --inplace-distillation need --widths");
  PLIANT_REQUIRE(ConfigError, !incremental || (d.batch_norm_sets > 1 && !d.shared_scale_shift), d.name,
                 ": incremental training freezes what is trained already, which needs --batch-norm switchable");
  PLIANT_REQUIRE(ConfigError, !incremental || epochs >= net.widths(), d.name, ": ", net.widths(),
                 " widths one after another need at least as many epochs, got ", epochs);
  PLIANT_REQUIRE(ConfigError, options.exit_order == "joint" || epochs >= net.exits(), d.name, ": ", net.exits(),
                 " exits one after another need at least as many epochs, got ", epochs);
  if (!sandwich) return;
  universal_ = d.batch_norm_sets == 1;
  if (universal_) {
    candidates_ = add_universal_widths(net);
  } else {
    for (int row = 1; row + 1 < net.widths(); ++row) candidates_.push_back(row);
  }
}

int DynamicPolicy::grown_width(std::int64_t epoch) const {
  if (options_.width_training != "incremental") return -1;
  return net_.widths() - 1 - part_of(epoch, epochs_, net_.widths());
}

int DynamicPolicy::only_exit(std::int64_t epoch) const {
  return options_.exit_order == "joint" ? -1 : part_of(epoch, epochs_, net_.exits());
}

std::vector<int> DynamicPolicy::widths_of_step(std::int64_t epoch, std::int64_t batch) const {
  if (const int grown = grown_width(epoch); grown >= 0) return {grown};
  const int narrowest = net_.widths() - 1;
  std::vector<int> rows;
  if (options_.width_training == "all") {
    for (int row = 0; row <= narrowest; ++row) rows.push_back(row);
    return rows;
  }
  // A partial shuffle draws without repetition.
  const RandomStream stream(seed_, Purpose::width, static_cast<std::uint32_t>(epoch), static_cast<std::uint32_t>(batch));
  std::vector<int> pool = candidates_;
  rows = {0, narrowest};
  for (std::size_t i = 0; i < pool.size() && i + 2 < static_cast<std::size_t>(options_.sandwich); ++i) {
    std::swap(pool[i], pool[i + stream.below(i, static_cast<std::uint32_t>(pool.size() - i))]);
    rows.push_back(pool[i]);
  }
  return rows;
}

IndexSet DynamicPolicy::closed_blocks(std::int64_t epoch, std::int64_t batch) const {
  IndexSet closed;
  const std::vector<double>& survival = net_.description.survival;
  if (net_.description.gate_per_sample) return closed;  // the blocks draw for themselves
  const RandomStream stream(seed_, Purpose::gate, static_cast<std::uint32_t>(epoch), static_cast<std::uint32_t>(batch));
  for (int block = 0; block < net_.blocks && !survival.empty(); ++block) {
    const double p = survival[static_cast<std::size_t>(block)];
    if (static_cast<double>(stream.uniform(static_cast<std::uint64_t>(block))) >= p) closed.insert(block);
  }
  return closed;
}

std::vector<PlannedPass> DynamicPolicy::passes(std::int64_t epoch, std::int64_t batch) const {
  Selection common;
  common.dropped = closed_blocks(epoch, batch);
  const std::vector<double> weights = exit_weights(options_, net_.exits(), epoch);
  const int only = only_exit(epoch);
  for (int exit = 0; exit < net_.exits(); ++exit) {
    if (weights[static_cast<std::size_t>(exit)] == 0.0 || (only >= 0 && exit != only)) common.skipped_exits.insert(exit);
  }
  std::vector<PlannedPass> passes;
  for (const int width : widths_of_step(epoch, batch)) {
    PlannedPass& pass = passes.emplace_back();
    pass.select = common;
    pass.select.width = width;
    if (passes.size() == 1) continue;
    pass.taught = options_.inplace_distillation;
    // One set that every width wrote would fit none; the full width's is a sound start for the calibration that follows.
    if (universal_) pass.statistics_momentum = 0.0;
  }
  return passes;
}

}  // namespace pliant
