#include "train/compare/lottery_plan.h"

#include <algorithm>

#include "core/check.h"
#include "nets/compact.h"
#include "nets/zoo.h"
#include "train/checkpoint.h"
#include "train/compare/pruning_runs.h"
#include "train/device_data.h"
#include "train/files/text.h"

namespace pliant {

namespace {

void check(const LotteryComparison& what) {
  const std::vector<std::string> others = {"slimming", "sss", "thinet", "regression"};
  PLIANT_REQUIRE(UsageError, std::find(others.begin(), others.end(), what.prune.method) == others.end(), "lottery: ", what.prune.method,
                 " needs sparse training or changes the weights it keeps; give magnitude, l1 or another score");
  PLIANT_REQUIRE(UsageError, !what.ratios.empty() && !what.rates.empty(), "lottery: give a ratio to prune and a learning rate");
  for (const double ratio : what.ratios) {
    PLIANT_REQUIRE(UsageError, ratio > 0.0 && ratio < 1.0, "a ratio to prune lies between 0 and 1, both excluded; got ", ratio);
    PLIANT_REQUIRE(UsageError, std::count(what.ratios.begin(), what.ratios.end(), ratio) == 1, "the ratio ", ratio, " is given twice");
  }
  for (const double rate : what.rates) {
    PLIANT_REQUIRE(UsageError, rate > 0.0, "a learning rate is above 0, got ", rate);
    PLIANT_REQUIRE(UsageError, std::count(what.rates.begin(), what.rates.end(), rate) == 1, "the rate ", rate, " is given twice");
  }
}

}  // namespace

Net winning_ticket(Context& context, const FormerRun& run, const PruneOptions& options, const Splits& splits) {
  Net trained = load_checkpoint(context, run.best).net;
  DeviceData data;
  if (prune_needs_data(options.method)) {
    data = to_device(context, splits.train, splits.normalisation);
    fit_to(data, trained.description);
  }
  prune(trained, options, data);
  Net ticket = load_checkpoint(context, run.start).net;
  copy_weight_masks(trained, ticket);
  for (const auto& axis : ticket.store->axes()) {
    const ChannelAxis& found = *trained.store->find_axis(axis->name());
    if (found.mask) axis->mask = found.mask.clone();
  }
  return compact(ticket);
}

Experiment lottery_comparison(const NetDescription& net, const TrainConfig& config, const LotteryComparison& what) {
  check(what);
  PLIANT_REQUIRE(ConfigError, net.widths.empty() && net.exits.empty(), net.name, ": tickets are drawn from nets with one width and one exit");
  PruneOptions first = what.prune;
  first.ratio = what.ratios.front();
  require_prunable(net, first);
  Experiment experiment{.name = "lottery"};
  for (const double rate : what.rates) {
    const std::string at = number_text(rate);
    PlannedRun big{.name = "big-" + at, .series = "big net, rate " + at, .net = net, .config = without_penalties(config)};
    big.config.rate = rate;
    experiment.runs.push_back(big);
    for (const double ratio : what.ratios) {
      PruneOptions options = what.prune;
      options.ratio = ratio;
      const std::string ending = cat(at, "-", number_text(ratio));
      PlannedRun ticket{.name = "ticket-" + ending, .series = "winning ticket, rate " + at, .net = net, .config = of_prepared(big.config)};
      PlannedRun random{.name = "random-" + ending, .series = "fresh weights, rate " + at, .net = net, .config = of_prepared(big.config)};
      ticket.label = random.label = number_text(ratio);
      ticket.prepared = Preparation{big.name, prune_text(options) + ", first weights",
                                    [options](Context& context, const FormerRun& from, const Splits& splits, const TrainConfig& own) {
        return Prepared{winning_ticket(context, from, options, splits), own};
      }};
      random.prepared = Preparation{ticket.name, "fresh weights", [](Context& context, const FormerRun& from, const Splits&, const TrainConfig& own) {
        return Prepared{fresh_net(load_checkpoint(context, from.start).net, own, false), own};
      }};
      experiment.runs.push_back(std::move(ticket));
      experiment.runs.push_back(std::move(random));
    }
  }
  return experiment;
}

}  // namespace pliant
