#include "train/latency.h"

#include <algorithm>
#include <cmath>
#include <tuple>

#include "core/rng.h"
#include "nets/extract.h"
#include "nets/widths.h"
#include "train/timing.h"

namespace pliant {

namespace {

std::function<void()> forward_run(const Net& net, const Selection& select, const Tensor& images) {
  return [&net, select, images] {
    Pass pass{.context = net.store->context(), .select = select};
    forward(net, pass, Var{images});
  };
}

}  // namespace

Tensor random_images(const Net& net, std::int64_t batch) {
  const NetDescription& d = net.description;
  const Shape shape{batch, d.height, d.width, d.channels};
  const RandomStream stream(0, Purpose::synthetic, 0, 0);
  std::vector<double> values(static_cast<std::size_t>(shape.size()));
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = 4.0 * static_cast<double>(stream.uniform(i)) - 2.0;
  Context& context = net.store->context();
  if (net.store->dtype() == DType::f64) return Tensor::from_host(context, shape, values);
  return convert(Var{Tensor::from_host(context, shape, std::vector<float>(values.begin(), values.end()))}, net.store->compute_dtype()).value;
}

std::vector<Timing> time_in_turns(Context& context, const std::vector<std::function<void()>>& runs, const TimingOptions& options) {
  constexpr int kWarmUp = 2;
  std::vector<std::vector<double>> times(runs.size());
  Clock::time_point start = Clock::now();
  for (int round = -kWarmUp; round < options.most; ++round) {
    if (round == 0) start = Clock::now();
    if (round >= options.least && milliseconds_since(start) > 1000.0 * options.seconds) break;
    for (std::size_t turn = 0; turn < runs.size(); ++turn) {
      const std::size_t i = round % 2 == 0 ? turn : runs.size() - 1 - turn;
      const Clock::time_point begin = Clock::now();
      runs[i]();
      context.synchronize();
      if (round >= 0) times[i].push_back(milliseconds_since(begin));
    }
  }
  std::vector<Timing> result;
  for (const std::vector<double>& one : times) result.push_back({quantile(one, 0.5), quantile(one, 0.9)});
  return result;
}

std::vector<LatencyRow> measure_latency(const Net& net, const std::vector<Part>& parts, const std::vector<std::int64_t>& batches,
                                        bool beside_extracted, const TimingOptions& options) {
  std::vector<Net> extracted;
  for (const Part& part : parts) {
    if (beside_extracted) extracted.push_back(extract(net, {part.row, part.exit}));
  }
  std::vector<LatencyRow> rows;
  std::vector<std::function<void()>> runs;  // of each row one, or two with the extracted net
  for (const std::int64_t batch : batches) {
    PLIANT_REQUIRE(UsageError, batch >= 1, "a batch has at least one image, got ", batch);
    const Tensor images = random_images(net, batch);
    for (std::size_t i = 0; i < parts.size(); ++i) {
      const Part& part = parts[i];
      rows.push_back({part.width, part.exit, batch, part.parameters, part.macs});
      runs.push_back(forward_run(net, part.select, images));
      if (beside_extracted) runs.push_back(forward_run(extracted[i], {}, images));
    }
  }
  const std::vector<Timing> times = time_in_turns(net.store->context(), runs, options);
  const std::size_t stride = beside_extracted ? 2 : 1;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    rows[i].median_ms = times[i * stride].median_ms;
    rows[i].p90_ms = times[i * stride].p90_ms;
    if (beside_extracted) rows[i].plain_ms = times[i * stride + 1].median_ms;
  }
  return rows;
}

WidthController::WidthController(const Net& net, const LatencyTable& table, std::int64_t batch) {
  for (const LatencyRow& row : table.rows) {
    if (row.batch != batch) continue;
    choices_.push_back({row, only_exit(net, row.exit)});
    choices_.back().select.width = width_index(net.description, row.width);
  }
  PLIANT_REQUIRE(ConfigError, !choices_.empty(), "the latency table has no row for batches of ", batch);
  const bool rated = std::all_of(choices_.begin(), choices_.end(), [](const Choice& choice) { return choice.row.accuracy.has_value(); });
  const auto rank = [&](const Choice& choice) {
    const double worth = rated ? *choice.row.accuracy : static_cast<double>(choice.row.macs);
    return std::make_tuple(-worth, choice.row.median_ms);
  };
  std::stable_sort(choices_.begin(), choices_.end(), [&](const Choice& a, const Choice& b) { return rank(a) < rank(b); });
}

const WidthController::Choice& WidthController::choose(double budget_ms) const {
  const auto found = std::find_if(choices_.begin(), choices_.end(), [&](const Choice& choice) { return choice.row.median_ms <= budget_ms; });
  if (found != choices_.end()) return *found;
  const LatencyRow& fastest =
      std::min_element(choices_.begin(), choices_.end(), [](const Choice& a, const Choice& b) { return a.row.median_ms < b.row.median_ms; })->row;
  throw ConfigError(cat("a budget of ", budget_ms, " ms: the fastest part, width ", fastest.width, " up to exit ", fastest.exit, ", takes ",
                        fastest.median_ms, " ms"));
}

}  // namespace pliant
