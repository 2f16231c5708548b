#include "nets/device_exits.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/memory_ops.h"
#include "kernels/exit_routing.h"
#include "kernels/reduce.h"

namespace pliant {

namespace {

// Room for the expected rows and three standard deviations more: of a thousand batches about one has rows that wait.
std::int64_t bucket_for(std::int64_t n, double share) {
  const double rows = static_cast<double>(n) * share + 3.0 * std::sqrt(static_cast<double>(n) * share * (1.0 - share));
  return std::clamp<std::int64_t>(padded_batch(static_cast<std::int64_t>(std::ceil(rows))), 1, n);
}

// The first rows of the list, zeros behind them.
Tensor gathered(const Tensor& features, const Tensor& list) {
  Shape shape = features.shape();
  shape.set(0, list.size());
  Tensor y(features.context(), shape, features.dtype());
  kernels::gather_rows(features, list, y);
  return y;
}

// What a list holds from `first` on, in a list of this size with -1 behind.
Tensor rest_of(const Tensor& list, std::int64_t first, std::int64_t size) {
  Tensor rest(list.context(), {size}, DType::i32);
  kernels::fill(rest, -1.0);
  const std::int64_t count = std::min(size, list.size() - first);
  rest.rows(0, count).copy_from(list.rows(first, count));
  return rest;
}

}  // namespace

DeviceExits::DeviceExits(const Net& net, const Selection& select, std::int64_t n, const ExitRule& rule, bool keep_logits)
    : net_(net), select_(select), rule_(rule), n_(n) {
  require_thresholds(net, select, rule);
  PLIANT_REQUIRE(ConfigError, n >= 1, net.description.name, ": a batch of ", n, " has nobody to leave");
  for (std::size_t i = 0; i < rule.thresholds.size(); ++i) buckets_.push_back(rule.staying.empty() ? n : bucket_for(n, rule.staying[i]));
  Context& context = net.store->context();
  std::vector<std::int32_t> all(static_cast<std::size_t>(n));
  std::iota(all.begin(), all.end(), 0);
  all_ = Tensor::from_host(context, {n}, all);
  n_on_device_ = Tensor::from_host(context, {1}, std::vector<std::int32_t>{static_cast<std::int32_t>(n)});
  answers_ = Tensor::zeros(context, {2 * n + static_cast<std::int64_t>(rule.thresholds.size()) + 1}, DType::i32);
  if (keep_logits) logits_ = Tensor(context, {n, net.description.classes}, net.store->dtype());
}

void DeviceExits::launch(Pass& pass, const Tensor& x) {
  require_early_pass(net_, pass, x);
  PLIANT_REQUIRE(ShapeError, x.shape()[0] == n_, net_.description.name, ": made for batches of ", n_, ", got ", x.shape());
  PLIANT_REQUIRE(ConfigError, pass.select == select_, net_.description.name, ": made for another selection than that of the pass");
  waiting_.clear();
  launched_ = true;
  send(pass, {0, -1, 0, convert(Var{x}, net_.store->compute_dtype()).value, all_, n_on_device_}, true);
}

void DeviceExits::send(Pass& pass, Rows rows, bool into_buckets) {
  for (std::size_t stage = rows.stage; stage < net_.stages.size(); ++stage) {
    const Stage& now = net_.stages[stage];
    rows.features = now.body->forward(pass, Var{rows.features}).value;
    if (!now.head || pass.select.skipped_exits.contains(++rows.exit)) continue;
    const Tensor logits = convert(now.head->forward(pass, Var{rows.features}), net_.store->dtype()).value;
    Tensor kept = Tensor::like(rows.samples), staying = Tensor::like(rows.samples);
    leave(rows, logits, kept, staying);
    if (rows.decision == rule_.thresholds.size()) return;
    const std::int64_t size = rows.samples.size(), bucket = into_buckets ? std::min(size, buckets_[rows.decision]) : size;
    rows.count = count_of(rows.decision++);
    if (bucket < size) waiting_.push_back({stage + 1, rows.exit, rows.decision, rows.features, kept, staying, bucket});
    rows.features = gathered(rows.features, kept.rows(0, bucket));
    rows.samples = staying.rows(0, bucket);
  }
}

void DeviceExits::leave(const Rows& rows, const Tensor& logits, Tensor& kept, Tensor& staying) {
  const std::int64_t size = rows.samples.size();
  const bool last = rows.decision == rule_.thresholds.size();
  Tensor predictions = Tensor::like(rows.samples), left = Tensor::like(rows.samples), scores;
  ExitDecision decision{.below = leaves_below(rule_.measure), .exit = rows.exit};
  if (last) {
    kernels::argmax(logits, predictions);
  } else {
    scores = Tensor(logits.context(), {size}, logits.dtype());
    decision.threshold = rule_.thresholds[rows.decision];
    kernels::confidence(logits, rule_.measure, scores, predictions);
  }
  Tensor count = count_of(rows.decision), classes = answers_.view(0, {n_}), exits = answers_.view(n_, {n_});
  kernels::leave_rows(scores, predictions, decision, rows.samples, rows.count, left, kept, staying, count, classes, exits);
  if (logits_) kernels::scatter_rows(logits, left, logits_);
}

EarlyExitResult DeviceExits::finish(Pass& pass) {
  PLIANT_REQUIRE(ConfigError, launched_, net_.description.name, ": finish() has no answers before launch()");
  std::vector<std::int32_t> host = answers_.to_host<std::int32_t>();
  bool late = false;
  for (const Waiting& who : waiting_) {
    const std::int64_t rest = host[static_cast<std::size_t>(2 * n_) + who.decision - 1] - who.bucket;
    if (rest <= 0) continue;
    late = true;
    const std::int64_t rows = std::min(padded_batch(rest), n_);
    const Tensor features = gathered(who.features, rest_of(who.kept, who.bucket, rows)), samples = rest_of(who.staying, who.bucket, rows);
    const Tensor count = Tensor::from_host(pass.context, {1}, std::vector<std::int32_t>{static_cast<std::int32_t>(rest)});
    send(pass, {who.stage, who.exit, who.decision, features, samples, count}, false);
  }
  if (late) host = answers_.to_host<std::int32_t>();
  EarlyExitResult result;
  result.predictions.assign(host.begin(), host.begin() + n_);
  result.exits.assign(host.begin() + n_, host.begin() + 2 * n_);
  if (logits_) result.logits = logits_.clone();  // the next batch is written into the same
  return result;
}

}  // namespace pliant
