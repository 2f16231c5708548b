#include "train/sparsity_options.h"

#include <cmath>
#include <optional>

#include "core/check.h"
#include "train/files/text.h"
#include "train/pruning/magnitude.h"

namespace pliant {

namespace {

struct Interval {
  std::int64_t count;
  bool epochs;
};

// Nothing for text that is no interval.
std::optional<Interval> parse_interval(std::string_view text) {
  const bool epochs = text.ends_with('e');
  if (epochs) text.remove_suffix(1);
  const auto count = parse_number<std::int64_t>(text);
  if (!count || *count < 1 || *count > 1'000'000'000) return std::nullopt;
  return Interval{*count, epochs};
}

void check_fraction(const char* field, double fraction) {
  PLIANT_REQUIRE(UsageError, fraction >= 0.0 && fraction < 1.0, field, ": a share above 0 and below 1, got ", fraction);
}

// In epochs.
std::int64_t last_pruning(const SparsityOptions& options, std::int64_t epochs) {
  if (options.schedule == "one-shot") return options.begin;
  return options.end != 0 ? options.end : options.begin + (epochs - options.begin + 1) / 2;
}

void require_fit(const SparsityOptions& options, std::int64_t last, std::int64_t epochs) {
  PLIANT_REQUIRE(ConfigError, options.begin < epochs, "sparsity-begin: ", options.begin, " of ", epochs, " epochs; nothing would train under the masks");
  PLIANT_REQUIRE(ConfigError, last <= epochs, "sparsity-end: ", last, ", but the run has ", epochs, " epochs");
  PLIANT_REQUIRE(ConfigError, options.dense_at == 0 || options.dense_at > last, "dense-at: ", options.dense_at,
                 ", but the last pruning comes after ", last, " epochs; the net must train sparse before it is dense again");
  PLIANT_REQUIRE(ConfigError, options.dense_at < epochs, "dense-at: ", options.dense_at, " of ", epochs, " epochs; nothing would train dense again");
}

}  // namespace

void check(const SparsityOptions& options) {
  check_fraction("sparsity", options.fraction);
  check_fraction("soft-pruning", options.soft_pruning);
  PLIANT_REQUIRE(UsageError, options.schedule == "one-shot" || options.schedule == "gradual" || options.schedule == "iterative", "sparsity-schedule ",
                 in_quotes(options.schedule), ": expected one of one-shot, gradual, iterative");
  PLIANT_REQUIRE(UsageError, parse_interval(options.every), "sparsity-every ", in_quotes(options.every),
                 ": expected a number of steps such as 100, or of epochs such as 1e");
  parse_weight_scope(options.scope);
  PLIANT_REQUIRE(UsageError, options.begin >= 0 && options.end >= 0 && options.dense_at >= 0,
                 "sparsity-begin, sparsity-end and dense-at count epochs, got ", options.begin, ", ", options.end, " and ", options.dense_at);
  PLIANT_REQUIRE(UsageError, options.end == 0 || options.end >= options.begin, "sparsity-end: ", options.end, " lies before sparsity-begin ",
                 options.begin);
  PLIANT_REQUIRE(UsageError, options.end == 0 || options.schedule != "one-shot", "sparsity-end goes with --sparsity-schedule gradual or iterative");
  PLIANT_REQUIRE(UsageError, options.fraction > 0.0 || options == SparsityOptions{.soft_pruning = options.soft_pruning},
                 "sparsity-schedule, -begin, -end, -every, -scope and dense-at go with --sparsity");
  PLIANT_REQUIRE(UsageError, options.fraction == 0.0 || options.soft_pruning == 0.0,
                 "sparsity and soft-pruning: choose one, masked weights of a filter could not come back");
}

std::vector<PruningEvent> pruning_events(const SparsityOptions& options, const TrainingLength& length) {
  check(options);
  if (options.fraction == 0.0) return {};
  const std::int64_t last = last_pruning(options, length.epochs);
  require_fit(options, last, length.epochs);
  const Interval interval = *parse_interval(options.every);
  const std::int64_t dt = interval.count * (interval.epochs ? length.steps_per_epoch : 1);
  const std::int64_t start = options.begin * length.steps_per_epoch, n = (last * length.steps_per_epoch - start) / dt;
  if (options.schedule == "one-shot") return {{start, options.fraction, false}};
  std::vector<PruningEvent> events;
  if (options.schedule == "iterative") {
    const double share = 1.0 - std::pow(1.0 - options.fraction, 1.0 / static_cast<double>(n + 1));
    for (std::int64_t i = 0; i <= n; ++i) events.push_back({start + i * dt, share, true});
    return events;
  }
  PLIANT_REQUIRE(ConfigError, n >= 1, "sparsity-every ", in_quotes(options.every), ": no gradual step fits between epochs ", options.begin, " and ",
                 last, " of ", length.steps_per_epoch, " steps");
  for (std::int64_t i = 1; i <= n; ++i) {
    const double left = 1.0 - static_cast<double>(i) / static_cast<double>(n);
    events.push_back({start + i * dt, options.fraction * (1.0 - left * left * left), false});
  }
  return events;
}

}  // namespace pliant
