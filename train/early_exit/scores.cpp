#include "train/early_exit/scores.h"

#include <algorithm>
#include <numeric>

namespace pliant {

namespace {

void append_exit(const Tensor& logits, ConfidenceMeasure measure, std::vector<double>& scores, std::vector<std::int32_t>& predictions) {
  Tensor score(logits.context(), {logits.shape()[0]}, logits.dtype()), prediction(logits.context(), {logits.shape()[0]}, DType::i32);
  kernels::confidence(logits, measure, score, prediction);
  const std::vector<double> more = score.to_doubles();
  const std::vector<std::int32_t> classes = prediction.to_host<std::int32_t>();
  scores.insert(scores.end(), more.begin(), more.end());
  predictions.insert(predictions.end(), classes.begin(), classes.end());
}

}  // namespace

ExitScores collect_scores(const Net& net, const DeviceData& data, std::int64_t batch_size, const Selection& select, ConfidenceMeasure measure) {
  PLIANT_REQUIRE(DataError, data.size() > 0, "early exits: there are no samples");
  Context& context = net.store->context();
  ExitScores result{.measure = measure, .labels = data.labels.to_host<std::int32_t>()};
  const std::size_t exits = selected_exits(net, select).size();
  result.scores.resize(exits);
  result.predictions.resize(exits);
  std::vector<std::int32_t> in_order(static_cast<std::size_t>(data.size()));
  std::iota(in_order.begin(), in_order.end(), 0);
  const Tensor order = Tensor::from_host(context, {data.size()}, in_order), key = random_key(context, 0, 0);
  for (std::int64_t first = 0; first < data.size(); first += batch_size) {
    const Batch batch = make_batch(data, order.rows(first, std::min(batch_size, data.size() - first)), key, {}, net.store->compute_dtype());
    Pass pass{.context = context, .select = select};
    const std::vector<Var> logits = forward(net, pass, Var{batch.images});
    for (std::size_t exit = 0; exit < logits.size(); ++exit) append_exit(logits[exit].value, measure, result.scores[exit], result.predictions[exit]);
  }
  return result;
}

ExitFigures simulate(const ExitScores& scores, const std::vector<double>& thresholds, const std::vector<std::int64_t>& costs) {
  PLIANT_REQUIRE(ConfigError, thresholds.size() + 1 == scores.exits(), "early exits: ", thresholds.size(), " thresholds for ", scores.exits(), " exits");
  const bool below = leaves_below(scores.measure);
  std::vector<std::int64_t> left(scores.exits(), 0);
  std::int64_t correct = 0;
  for (std::size_t n = 0; n < scores.samples(); ++n) {
    std::size_t exit = 0;
    for (; exit < thresholds.size(); ++exit) {
      const double score = scores.scores[exit][n];
      if (below ? score < thresholds[exit] : score > thresholds[exit]) break;
    }
    ++left[exit];
    correct += scores.predictions[exit][n] == scores.labels[n];
  }
  const auto count = static_cast<double>(scores.samples());
  ExitFigures figures{.accuracy = static_cast<double>(correct) / count};
  for (const std::int64_t samples : left) figures.shares.push_back(static_cast<double>(samples) / count);
  figures.mean_macs = mean_cost(figures.shares, costs);
  return figures;
}

std::vector<double> staying_shares(const std::vector<double>& shares) {
  std::vector<double> staying;
  double left = 0.0;
  for (std::size_t exit = 0; exit + 1 < shares.size(); ++exit) {
    left += shares[exit];
    staying.push_back(std::clamp(1.0 - left, 0.0, 1.0));
  }
  return staying;
}

std::vector<double> exit_accuracies(const ExitScores& scores) {
  std::vector<double> accuracies;
  for (const std::vector<std::int32_t>& predictions : scores.predictions) {
    std::int64_t correct = 0;
    for (std::size_t n = 0; n < predictions.size(); ++n) correct += predictions[n] == scores.labels[n];
    accuracies.push_back(static_cast<double>(correct) / static_cast<double>(scores.samples()));
  }
  return accuracies;
}

}  // namespace pliant
