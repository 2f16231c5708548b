#include "nets/early_exit.h"

#include <algorithm>
#include <bit>
#include <numeric>

#include "kernels/reduce.h"
#include "nets/device_exits.h"

namespace pliant {

namespace {

// What one exit decides about the first `rows` rows, in one buffer that the host reads at once.
class Decision {
 public:
  Decision(Context& context, std::int64_t rows) : rows_(rows), buffer_(context, {1 + 3 * rows}, DType::i32) {}

  void make(const Tensor& logits, ConfidenceMeasure measure, double threshold) {
    Tensor scores(logits.context(), {rows_}, logits.dtype());
    Tensor count = part(0, 1), predictions = part(1, rows_), kept_rows = kept(rows_), left_rows = left(rows_);
    kernels::confidence(logits, measure, scores, predictions);
    kernels::compact_rows(scores, threshold, leaves_below(measure), kept_rows, left_rows, count);
    read();
  }

  std::int64_t staying() const { return host_[0]; }
  std::int32_t prediction(std::int64_t row) const { return host_[static_cast<std::size_t>(1 + row)]; }
  std::int32_t kept_row(std::int64_t i) const { return host_[static_cast<std::size_t>(1 + rows_ + i)]; }
  std::int32_t left_row(std::int64_t i) const { return host_[static_cast<std::size_t>(1 + 2 * rows_ + i)]; }
  Tensor kept(std::int64_t count) const { return part(1 + rows_, count); }
  Tensor left(std::int64_t count) const { return part(1 + 2 * rows_, count); }

 private:
  Tensor part(std::int64_t first, std::int64_t count) const { return buffer_.view(first, {count}); }
  void read() {
    host_.resize(static_cast<std::size_t>(buffer_.size()));
    buffer_.read(host_.data());
  }

  std::int64_t rows_;
  Tensor buffer_;  // count, predictions [rows], kept [rows], left [rows]
  std::vector<std::int32_t> host_;
};

// The samples that are still on their way, and the answers of those that have left.
class HostRouting {
 public:
  HostRouting(const Tensor& x, bool keep_logits) : context_(x.context()), keep_logits_(keep_logits), origin_(static_cast<std::size_t>(x.shape()[0])) {
    std::iota(origin_.begin(), origin_.end(), 0);
    result.predictions.resize(origin_.size());
    result.exits.resize(origin_.size());
    if (keep_logits) origin_on_device_ = Tensor::from_host(context_, {x.shape()[0]}, origin_);
  }

  std::int64_t rows() const { return static_cast<std::int64_t>(origin_.size()); }

  void leave_all(const Tensor& logits, int exit) {
    Tensor predictions(context_, {rows()}, DType::i32);
    kernels::argmax(logits, predictions);
    const std::vector<std::int32_t> classes = predictions.to_host<std::int32_t>();
    for (std::size_t i = 0; i < origin_.size(); ++i) answer(origin_[i], classes[i], exit);
    if (keep_logits_) put_logits(logits, origin_on_device_);
    origin_.clear();
  }

  // Lets the sure rows go; returns the features of the others.
  Tensor leave_sure(const Tensor& logits, int exit, ConfidenceMeasure measure, double threshold, const Tensor& features) {
    Decision decision(context_, rows());
    decision.make(logits, measure, threshold);
    const std::int64_t staying = decision.staying(), leaving = rows() - staying;
    if (leaving == 0) return features;
    for (std::int64_t i = 0; i < leaving; ++i) {
      const std::int32_t row = decision.left_row(i);
      answer(origin_[static_cast<std::size_t>(row)], decision.prediction(row), exit);
    }
    if (keep_logits_) move_logits(logits, decision, staying, leaving);
    for (std::int64_t i = 0; i < staying; ++i) {
      origin_[static_cast<std::size_t>(i)] = origin_[static_cast<std::size_t>(decision.kept_row(i))];  // kept rows ascend
    }
    origin_.resize(static_cast<std::size_t>(staying));
    return staying == 0 ? Tensor() : compacted(features, decision.kept(staying));
  }

  EarlyExitResult result;

 private:
  void answer(std::int32_t sample, std::int32_t prediction, int exit) {
    result.predictions[static_cast<std::size_t>(sample)] = prediction;
    result.exits[static_cast<std::size_t>(sample)] = exit;
  }

  static Tensor compacted(const Tensor& features, const Tensor& kept) {
    Shape shape = features.shape();
    shape.set(0, std::min(shape[0], padded_batch(kept.size())));
    Tensor y(features.context(), shape, features.dtype());
    Tensor survivors = y.rows(0, kept.size());
    kernels::gather_rows(features, kept, survivors);
    y.rows(kept.size(), shape[0] - kept.size()).zero();
    return y;
  }

  void move_logits(const Tensor& logits, const Decision& decision, std::int64_t staying, std::int64_t leaving) {
    Tensor rows_left(context_, {leaving, logits.shape()[1]}, logits.dtype()), from(context_, {leaving}, DType::i32), on(context_, {staying}, DType::i32);
    kernels::gather_rows(logits, decision.left(leaving), rows_left);
    kernels::gather_rows(origin_on_device_, decision.left(leaving), from);
    kernels::gather_rows(origin_on_device_, decision.kept(staying), on);
    put_logits(rows_left, from);
    origin_on_device_ = on;
  }

  void put_logits(const Tensor& rows_left, const Tensor& samples) {
    const auto n = static_cast<std::int64_t>(result.predictions.size());
    if (!result.logits) result.logits = Tensor(context_, {n, rows_left.shape()[1]}, rows_left.dtype());
    kernels::scatter_rows(rows_left, samples, result.logits);
  }

  Context& context_;
  bool keep_logits_;
  std::vector<std::int32_t> origin_;  // the sample of each row
  Tensor origin_on_device_;           // the same, where logits are moved
};

bool on_device(const ExitRule& rule, const Tensor& x) {
  if (rule.routing != Routing::automatic) return rule.routing == Routing::device;
  return x.context().backend() == Backend::gpu && x.shape()[0] > 1 && !rule.staying.empty();
}

}  // namespace

std::vector<int> selected_exits(const Net& net, const Selection& select) {
  std::vector<int> exits;
  for (int exit = 0; exit < net.exits(); ++exit) {
    if (!select.skipped_exits.contains(exit)) exits.push_back(exit);
  }
  return exits;
}

void require_thresholds(const Net& net, const Selection& select, const ExitRule& rule) {
  const std::size_t exits = selected_exits(net, select).size();
  PLIANT_REQUIRE(ConfigError, exits > 0, net.description.name, ": the selection skips all ", net.exits(), " exits");
  PLIANT_REQUIRE(ConfigError, rule.thresholds.size() + 1 == exits, net.description.name, ": ", exits, " exits need ", exits - 1,
                 exits == 2 ? " threshold" : " thresholds", " (all leave at the last), got ", rule.thresholds.size());
  PLIANT_REQUIRE(ConfigError, rule.staying.empty() || rule.staying.size() == rule.thresholds.size(), net.description.name, ": ",
                 rule.thresholds.size(), " thresholds need as many expected shares, got ", rule.staying.size());
  for (const double share : rule.staying) {
    PLIANT_REQUIRE(ConfigError, share >= 0.0 && share <= 1.0, net.description.name, ": a share of samples lies in [0, 1], got ", share);
  }
}

void require_early_pass(const Net& net, const Pass& pass, const Tensor& x) {
  const NetDescription& d = net.description;
  PLIANT_REQUIRE(ConfigError, !pass.tape && pass.mode == Mode::eval, d.name, ": samples leave early in inference alone, not in a pass that records or trains");
  const Shape& shape = x.shape();
  PLIANT_REQUIRE(ShapeError, shape.rank() == 4 && shape[1] == d.height && shape[2] == d.width && shape[3] == d.channels, d.name,
                 ": takes images of ", d.height, " x ", d.width, " with ", d.channels, " channels as [N, H, W, C], got ", shape);
}

EarlyExitResult classify_early(const Net& net, Pass& pass, const Tensor& x, const ExitRule& rule, bool keep_logits) {
  require_thresholds(net, pass.select, rule);
  require_early_pass(net, pass, x);
  if (on_device(rule, x) && x.shape()[0] > 0) {
    DeviceExits exits(net, pass.select, x.shape()[0], rule, keep_logits);
    exits.launch(pass, x);
    return exits.finish(pass);
  }
  HostRouting routing(x, keep_logits);
  std::size_t decisions = 0;
  int exit = -1;
  Var y = convert(Var{x}, net.store->compute_dtype());
  for (const Stage& stage : net.stages) {
    if (routing.rows() == 0) break;
    y = stage.body->forward(pass, y);
    if (!stage.head || pass.select.skipped_exits.contains(++exit)) continue;
    const Tensor logits = convert(stage.head->forward(pass, y), net.store->dtype()).value.rows(0, routing.rows());
    if (decisions == rule.thresholds.size()) {
      routing.leave_all(logits, exit);
      break;
    }
    y.value = routing.leave_sure(logits, exit, rule.measure, rule.thresholds[decisions++], y.value);
  }
  return std::move(routing.result);
}

std::int64_t padded_batch(std::int64_t rows) {
  if (rows <= 4) return rows;
  const auto step = static_cast<std::int64_t>(std::bit_floor(static_cast<std::uint64_t>(rows - 1))) / 4;
  return (rows + step - 1) / step * step;
}

std::vector<std::int64_t> batch_sizes(std::int64_t n) {
  std::vector<std::int64_t> sizes;
  for (std::int64_t rows = 1; rows < n; ++rows) {
    rows = padded_batch(rows);
    if (rows < n) sizes.push_back(rows);
  }
  if (n > 0) sizes.push_back(n);
  return sizes;
}

std::vector<std::int64_t> exit_costs(const Net& net, const Selection& select) {
  std::vector<std::int64_t> costs;
  for (const int last : selected_exits(net, select)) {
    Selection path = select;
    for (int exit = last + 1; exit < net.exits(); ++exit) path.skipped_exits.insert(exit);
    costs.push_back(cost(net, path).macs);
  }
  return costs;
}

double mean_cost(const std::vector<double>& shares, const std::vector<std::int64_t>& costs) {
  PLIANT_REQUIRE(ConfigError, shares.size() == costs.size(), "mean_cost: ", shares.size(), " shares for ", costs.size(), " exits");
  double sum = 0.0;
  for (std::size_t i = 0; i < shares.size(); ++i) sum += shares[i] * static_cast<double>(costs[i]);
  return sum;
}

}  // namespace pliant
