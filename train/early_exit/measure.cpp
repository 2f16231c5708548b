#include "train/early_exit/measure.h"

#include <algorithm>
#include <numeric>

#include "train/timing.h"

namespace pliant {

namespace {

double mean(const std::vector<double>& values) { return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size()); }

Tensor images(const Contestant& one, const std::vector<std::int32_t>& samples, const Tensor& key) {
  Context& context = one.net->store->context();
  const Tensor index = Tensor::from_host(context, {static_cast<std::int64_t>(samples.size())}, samples);
  return make_batch(*one.data, index, key, {}, one.net->store->compute_dtype()).images;
}

// Times of the bodies and heads of one pass that computes all selected exits: parts[k] is what comes after exit k - 1, up to exit k.
std::vector<double> time_parts(const Contestant& one, const Tensor& x) {
  Context& context = one.net->store->context();
  Pass pass{.context = context, .select = one.select};
  const std::vector<int> exits = selected_exits(*one.net, one.select);
  std::vector<double> parts(exits.size(), 0.0);
  std::size_t part = 0;
  int exit = -1;
  Var y{x};
  for (const Stage& stage : one.net->stages) {
    if (part == parts.size()) break;
    Clock::time_point start = Clock::now();
    y = stage.body->forward(pass, y);
    context.synchronize();
    parts[part] += milliseconds_since(start);
    if (!stage.head || one.select.skipped_exits.contains(++exit)) continue;
    start = Clock::now();
    const Tensor logits = stage.head->forward(pass, y).value;
    context.synchronize();
    parts[part++] += milliseconds_since(start);
  }
  return parts;
}

struct Timed {
  EarlyExitResult result;
  double ms;
};

Timed classify_timed(const Contestant& one, const Tensor& x) {
  Pass pass{.context = one.net->store->context(), .select = one.select};
  const Clock::time_point start = Clock::now();
  EarlyExitResult result = classify_early(*one.net, pass, x, one.rule);  // ends with a read by the host
  const double ms = milliseconds_since(start);
  return {std::move(result), ms};
}

// The first contestant with the net and selection of contestant i, which differs from it in its rule alone.
std::size_t first_alike(const std::vector<Contestant>& contestants, std::size_t i) {
  std::size_t j = 0;
  while (contestants[j].net != contestants[i].net || contestants[j].select != contestants[i].select) ++j;
  return j;
}

// Every other round goes backwards, so that nobody always runs after the same one.
std::size_t turn(std::size_t i, std::size_t count, std::int64_t round) { return round % 2 == 0 ? i : count - 1 - i; }

// Lets the libraries plan for every batch size that can occur, so that no plan is made inside a measurement.
void warm_up(const std::vector<Contestant>& contestants, const MeasureOptions& options, const Tensor& key) {
  const std::int64_t samples = contestants[0].data->size();
  std::vector<std::int64_t> sizes = batch_sizes(std::min(options.batch, samples));
  if (samples > options.batch && samples % options.batch != 0) sizes.push_back(samples % options.batch);
  for (std::size_t i = 0; i < contestants.size(); ++i) {
    const Contestant& one = contestants[i];
    if (first_alike(contestants, i) != i) continue;
    for (const std::int64_t size : sizes) {
      Pass pass{.context = one.net->store->context(), .select = one.select};
      forward(*one.net, pass, {images(one, std::vector<std::int32_t>(static_cast<std::size_t>(size), 0), key)});
    }
  }
}

// All samples in batches: predictions, exits and the time per image.
void measure_batches(const std::vector<Contestant>& contestants, std::int64_t batch, const Tensor& key, std::vector<Measured>& results) {
  const std::int64_t samples = contestants[0].data->size();
  std::vector<double> total(contestants.size(), 0.0);
  for (std::int64_t first = 0; first < samples; first += batch) {
    std::vector<std::int32_t> index(static_cast<std::size_t>(std::min(batch, samples - first)));
    std::iota(index.begin(), index.end(), static_cast<std::int32_t>(first));
    for (std::size_t i = 0; i < contestants.size(); ++i) {
      const std::size_t at = turn(i, contestants.size(), first / batch);
      const Timed timed = classify_timed(contestants[at], images(contestants[at], index, key));
      total[at] += timed.ms;
      results[at].predictions.insert(results[at].predictions.end(), timed.result.predictions.begin(), timed.result.predictions.end());
      results[at].exits.insert(results[at].exits.end(), timed.result.exits.begin(), timed.result.exits.end());
    }
  }
  for (std::size_t i = 0; i < contestants.size(); ++i) results[i].batch_ms_per_image = total[i] / static_cast<double>(samples);
}

// What the timed samples of one contestant took.
struct SingleTimes {
  std::vector<double> whole, parts_sum;
  std::vector<std::vector<double>> parts;  // per part, all parts of every sample
  std::vector<double> left;                // samples per selected exit

  explicit SingleTimes(std::size_t exits) : parts(exits), left(exits, 0.0) {}

  void add(const Timed& timed, const std::vector<double>& times, std::size_t exit) {
    whole.push_back(timed.ms);
    parts_sum.push_back(std::accumulate(times.begin(), times.begin() + static_cast<std::ptrdiff_t>(exit) + 1, 0.0));
    for (std::size_t k = 0; k < parts.size(); ++k) parts[k].push_back(times[k]);
    left[exit] += 1.0;
  }

  void summarise(Measured& result) const {
    result.median_ms = quantile(whole, 0.5);
    result.p90_ms = quantile(whole, 0.9);
    result.mean_ms = mean(whole);
    result.parts_ms = quantile(parts_sum, 0.5);
    double path = 0.0;
    for (std::size_t k = 0; k < parts.size(); ++k) {
      path += quantile(parts[k], 0.5);
      result.simulated_ms += left[k] / static_cast<double>(whole.size()) * path;
    }
  }
};

void measure_singles(const std::vector<Contestant>& contestants, std::int64_t wanted, const Tensor& key, std::vector<Measured>& results) {
  const std::int64_t samples = contestants[0].data->size(), timed_samples = std::min(wanted, samples);
  std::vector<SingleTimes> times;
  std::vector<std::vector<int>> exits;
  for (const Contestant& one : contestants) {
    exits.push_back(selected_exits(*one.net, one.select));
    times.emplace_back(exits.back().size());
  }
  for (std::int64_t t = 0; t < timed_samples; ++t) {
    const std::vector<std::int32_t> index = {static_cast<std::int32_t>(t * samples / timed_samples)};
    std::vector<std::vector<double>> parts(contestants.size());
    for (std::size_t i = 0; i < contestants.size(); ++i) {
      const std::size_t at = turn(i, contestants.size(), t), alike = first_alike(contestants, at);
      const Tensor x = images(contestants[at], index, key);
      const bool parts_first = t / 2 % 2 == 0;  // whoever runs first meets colder caches
      if (parts_first && parts[alike].empty()) parts[alike] = time_parts(contestants[at], x);
      const Timed timed = classify_timed(contestants[at], x);
      if (parts[alike].empty()) parts[alike] = time_parts(contestants[at], x);
      const auto exit = std::find(exits[at].begin(), exits[at].end(), timed.result.exits[0]) - exits[at].begin();
      times[at].add(timed, parts[alike], static_cast<std::size_t>(exit));
    }
  }
  for (std::size_t i = 0; i < contestants.size(); ++i) times[i].summarise(results[i]);
}

ExitFigures figures_of(const Contestant& one, const Measured& measured, const std::vector<std::int32_t>& labels) {
  const std::vector<int> exits = selected_exits(*one.net, one.select);
  const auto samples = static_cast<double>(labels.size());
  ExitFigures figures{.shares = std::vector<double>(exits.size(), 0.0)};
  std::vector<std::int64_t> left(exits.size(), 0);
  std::int64_t correct = 0;
  for (std::size_t n = 0; n < labels.size(); ++n) {
    ++left[static_cast<std::size_t>(std::find(exits.begin(), exits.end(), measured.exits[n]) - exits.begin())];
    correct += measured.predictions[n] == labels[n];
  }
  for (std::size_t k = 0; k < left.size(); ++k) figures.shares[k] = static_cast<double>(left[k]) / samples;
  figures.accuracy = static_cast<double>(correct) / samples;
  figures.mean_macs = mean_cost(figures.shares, exit_costs(*one.net, one.select));
  return figures;
}

}  // namespace

Selection trunk_only(const Net& net, const Selection& select) {
  Selection trunk = select;
  const std::vector<int> exits = selected_exits(net, select);
  for (std::size_t i = 0; i + 1 < exits.size(); ++i) trunk.skipped_exits.insert(exits[i]);
  return trunk;
}

Contestant without_exits(const Net& net, const DeviceData& data, const Selection& select) { return {&net, &data, trunk_only(net, select), {}}; }

std::vector<Measured> measure(const std::vector<Contestant>& contestants, const MeasureOptions& options) {
  PLIANT_REQUIRE(ConfigError, !contestants.empty() && options.batch > 0 && options.timed > 0, "early exits: nothing to measure");
  for (const Contestant& one : contestants) {
    require_thresholds(*one.net, one.select, one.rule);
    PLIANT_REQUIRE(DataError, one.data->size() > 0 && one.data->size() == contestants[0].data->size(), "early exits: ", one.data->size(),
                   " samples to measure on, expected ", std::max<std::int64_t>(contestants[0].data->size(), 1));
  }
  const Tensor key = random_key(contestants[0].net->store->context(), 0, 0);
  std::vector<Measured> results(contestants.size());
  warm_up(contestants, options, key);
  measure_batches(contestants, options.batch, key, results);
  measure_singles(contestants, options.timed, key, results);
  for (std::size_t i = 0; i < contestants.size(); ++i) {
    results[i].figures = figures_of(contestants[i], results[i], contestants[i].data->labels.to_host<std::int32_t>());
  }
  return results;
}

}  // namespace pliant
