#include "nets/exits.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <sstream>

#include "nets/builder.h"
#include "nets/zoo.h"

namespace pliant {

namespace {

std::vector<int> stages_where(const Net& net, bool Stage::*mark) {
  std::vector<int> found;
  for (std::size_t i = 0; i + 1 < net.stages.size(); ++i) {
    if (net.stages[i].*mark) found.push_back(static_cast<int>(i));
  }
  return found;
}

std::vector<int> five_of(const Net& net) {
  std::vector<int> places = stages_where(net, &Stage::elastic);
  const int outputs = static_cast<int>(places.size()) + 1;
  PLIANT_REQUIRE(ConfigError, outputs >= 5, net.description.name, ": has ", outputs, " places for exits, elastic5 needs 5; use elastic");
  std::vector<int> five;
  for (int k = 1; k < 5; ++k) five.push_back(places[static_cast<std::size_t>(std::lround(k * outputs / 5.0)) - 1]);
  return five;
}

std::vector<int> listed(const std::string& placement) {
  std::vector<int> stages;
  std::istringstream parts(placement);
  for (std::string part; std::getline(parts, part, ',');) {
    int stage = 0;
    const auto [end, error] = std::from_chars(part.data(), part.data() + part.size(), stage);
    PLIANT_REQUIRE(UsageError, error == std::errc() && end == part.data() + part.size() && stage >= 0, "exits \"", placement,
                   "\": expected none, all, stages, elastic, elastic5, own, or stages such as 3,6; \"", part, "\" is none of these");
    stages.push_back(stage);
  }
  PLIANT_REQUIRE(UsageError, !stages.empty(), "exits: the list is empty; give none, all, stages, elastic, elastic5, own, or stages such as 3,6");
  return stages;
}

}  // namespace

std::vector<int> exit_stages(const NetDescription& description, const std::string& placement) {
  if (placement == "none") return {};
  NetDescription bare = description;
  bare.exits.clear();
  bare.last_stage = -1;
  bare.axis_sizes.clear();  // heads may have axes of their own, which sizes, kept channels and widths refer to
  bare.kept.clear();
  bare.widths.clear();
  bare.width_ratios.clear();
  bare.batch_norm_sets = 1;
  const Net net = build_net(bare);
  const int last = static_cast<int>(net.stages.size()) - 1;
  if (placement == "all") {
    std::vector<int> all;
    for (int i = 0; i < last; ++i) all.push_back(i);
    return all;
  }
  if (placement == "own") return branch_stages(description.name, description.branches);
  if (placement == "stages") return stages_where(net, &Stage::group_end);
  if (placement == "elastic") return stages_where(net, &Stage::elastic);
  if (placement == "elastic5") return five_of(net);
  const std::vector<int> stages = listed(placement);
  for (std::size_t i = 0; i < stages.size(); ++i) {
    PLIANT_REQUIRE(UsageError, stages[i] < last && (i == 0 || stages[i] > stages[i - 1]), "exits \"", placement, "\": ", description.name,
                   " takes ascending stages from 0 to ", last - 1, ", got ", stages[i]);
  }
  return stages;
}

namespace {

// Takes away the sizes of axes that belong to the heads of exits beyond `exit`.
void forget_later_heads(NetDescription& cut, const NetDescription& whole, int exit) {
  if (whole.axis_sizes.empty() && whole.kept.empty() && whole.widths.empty()) return;
  const auto is_later = [&](const std::string& axis) {
    int number = 0;
    return axis.starts_with(kExitPrefix) &&
           std::from_chars(axis.data() + kExitPrefix.size(), axis.data() + axis.size(), number).ec == std::errc() && number > exit;
  };
  std::erase_if(cut.axis_sizes, [&](const auto& entry) { return is_later(entry.first); });
  std::erase_if(cut.kept, [&](const auto& entry) { return is_later(entry.first); });
  std::vector<bool> later;
  const Net net = build_net(whole);
  for (const auto& axis : net.store->axes()) {
    if (axis->plain()) later.push_back(is_later(axis->name()));
  }
  for (std::vector<std::int64_t>& row : cut.widths) {
    std::size_t kept = 0;
    for (std::size_t i = 0; i < row.size(); ++i) {
      if (!later[i]) row[kept++] = row[i];
    }
    row.resize(kept);
  }
}

}  // namespace

NetDescription cut_at_exit(const NetDescription& description, int exit) {
  const int exits = static_cast<int>(description.exits.size()) + (description.last_stage < 0 ? 1 : 0);
  PLIANT_REQUIRE(UsageError, exit >= 0 && exit < exits, "exit ", exit, ": ", description.name, " has the exits 0 to ", exits - 1);
  NetDescription cut = description;
  if (exit == static_cast<int>(description.exits.size())) return cut;  // the last one: the whole net
  cut.exits.resize(static_cast<std::size_t>(exit) + 1);
  cut.last_stage = cut.exits.back();
  forget_later_heads(cut, description, exit);
  return cut;
}

}  // namespace pliant
