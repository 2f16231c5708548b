#include "train/dynamic_options.h"

#include <algorithm>
#include <cmath>
#include <initializer_list>
#include <sstream>

#include "core/check.h"
#include "train/files/text.h"

namespace pliant {

namespace {

constexpr double kLightest = 0.3;  // the paper's weight of the last of two exits, the first having 1 (BranchyNet, section IV)

void require_one_of(const char* field, const std::string& value, std::initializer_list<const char*> allowed) {
  std::string names;
  for (const char* name : allowed) {
    if (value == name) return;
    names += cat(names.empty() ? "" : ", ", name);
  }
  throw UsageError(cat(field, " ", in_quotes(value), ": expected one of ", names));
}

bool is_rule(const std::string& text) { return text == "equal" || text == "decreasing" || text == "increasing"; }

std::vector<double> listed_weights(const std::string& text) {
  std::vector<double> weights;
  std::istringstream parts(text);
  for (std::string part; std::getline(parts, part, ',');) {
    const auto weight = parse_number<double>(part);
    PLIANT_REQUIRE(UsageError, weight && std::isfinite(*weight) && *weight >= 0.0, "exit-weights ", in_quotes(text),
                   ": expected equal, decreasing, increasing, or numbers of at least 0 joined by commas; ", in_quotes(part), " is none of these");
    weights.push_back(*weight);
  }
  PLIANT_REQUIRE(UsageError, !weights.empty(), "exit-weights: the list is empty; give equal, decreasing, increasing, or one number per exit");
  return weights;
}

std::vector<double> base_weights(const std::string& text, int exits) {
  if (!is_rule(text)) return listed_weights(text);
  std::vector<double> weights(static_cast<std::size_t>(exits), 1.0);
  if (text == "equal" || exits == 1) return weights;
  for (int i = 0; i < exits; ++i) {
    const double depth = static_cast<double>(i) / (exits - 1);
    weights[static_cast<std::size_t>(i)] = (1.0 - depth) + kLightest * depth;
  }
  if (text == "increasing") std::reverse(weights.begin(), weights.end());
  return weights;
}

}  // namespace

void check(const DynamicOptions& options) {
  require_one_of("width-training", options.width_training, {"all", "sandwich", "incremental"});
  require_one_of("exit-loss", options.exit_loss, {"softmax", "squared-hinge"});
  require_one_of("exit-order", options.exit_order, {"joint", "sequential"});
  if (!is_rule(options.exit_weights)) listed_weights(options.exit_weights);
  PLIANT_REQUIRE(UsageError, options.sandwich >= 3, "sandwich: a step takes at least 3 widths, got ", options.sandwich);
  PLIANT_REQUIRE(UsageError, options.distill_exits >= 0.0 && options.distill_exits <= 1.0, "distill-exits: a share from 0 to 1, got ",
                 options.distill_exits);
  PLIANT_REQUIRE(UsageError, options.anneal_exits >= 0 && options.freeze_backbone >= 0, "anneal-exits and freeze-backbone count epochs, got ",
                 options.anneal_exits, " and ", options.freeze_backbone);
}

std::vector<double> exit_weights(const DynamicOptions& options, int exits, std::int64_t epoch) {
  std::vector<double> weights = base_weights(options.exit_weights, exits);
  PLIANT_REQUIRE(ConfigError, static_cast<int>(weights.size()) == exits, "exit-weights: ", weights.size(), " for a net with ", exits, " exits");
  if (options.anneal_exits > 0) {
    const double share = std::max(0.0, 1.0 - static_cast<double>(epoch) / static_cast<double>(options.anneal_exits));
    for (std::size_t i = 0; i + 1 < weights.size(); ++i) weights[i] *= share;
  }
  PLIANT_REQUIRE(ConfigError, std::any_of(weights.begin(), weights.end(), [](double weight) { return weight > 0.0; }),
                 "exit-weights: every exit's weight is 0 in epoch ", epoch + 1, "; nothing would train");
  return weights;
}

}  // namespace pliant
