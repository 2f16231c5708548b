#include "train/pruning/scores.h"

#include <algorithm>
#include <cmath>

#include "core/name_key.h"
#include "core/rng.h"
#include "kernels/elementwise.h"
#include "nets/compact.h"
#include "train/evaluate.h"

namespace pliant {

namespace {

struct NamedScore {
  const char* name;
  ChannelScore score;
};
constexpr NamedScore kScores[] = {{"l1", ChannelScore::l1},
                                  {"l2", ChannelScore::l2},
                                  {"random", ChannelScore::random},
                                  {"geometric-median", ChannelScore::geometric_median},
                                  {"outgoing", ChannelScore::outgoing},
                                  {"gamma", ChannelScore::gamma},
                                  {"taylor", ChannelScore::taylor},
                                  {"change1", ChannelScore::change1},
                                  {"change2", ChannelScore::change2}};

// Of the weights of a filter those that read a channel which is there: 1 or 0 per input channel.
std::vector<double> counted_inputs(const Parameter& weight, bool greedy) {
  std::vector<double> counted(static_cast<std::size_t>(weight.dims[3].size), 1.0);
  const ChannelAxis* axis = weight.dims[3].axis;
  if (greedy && axis && axis->mask) counted = axis->mask.to_doubles();
  return counted;
}

double distance(const double* a, const double* b, std::size_t size) {
  double squares = 0.0;
  for (std::size_t i = 0; i < size; ++i) squares += (a[i] - b[i]) * (a[i] - b[i]);
  return std::sqrt(squares);
}

}  // namespace

const std::vector<std::string>& score_names() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> all;
    for (const NamedScore& entry : kScores) all.emplace_back(entry.name);
    return all;
  }();
  return names;
}

bool is_score_name(const std::string& name) { return std::find(score_names().begin(), score_names().end(), name) != score_names().end(); }

ChannelScore parse_score(const std::string& name) {
  std::string known;
  for (const NamedScore& entry : kScores) {
    if (name == entry.name) return entry.score;
    known += cat(known.empty() ? "" : " ", entry.name);
  }
  throw UsageError(cat("there is no score \"", name, "\"; the scores are ", known));
}

bool needs_data(ChannelScore score) {
  return score == ChannelScore::taylor || score == ChannelScore::change1 || score == ChannelScore::change2;
}

std::vector<const ChannelWriter*> deciding_writers(const ChannelGroup& group) {
  std::vector<const ChannelWriter*> all, identity;
  for (const ChannelWriter& writer : group.writers) {
    all.push_back(&writer);
    if (!writer.added) identity.push_back(&writer);
  }
  return group.shared && !identity.empty() ? identity : all;
}

ChannelScorer::ChannelScorer(Net& net, ChannelScore score, const ScoreOptions& options, const DeviceData& data)
    : net_(net), score_(score), options_(options), groups_(channel_groups(net)) {
  if (!needs_data(score)) return;
  PLIANT_REQUIRE(DataError, data.size() > 0, "this score is measured on images; give --data");
  if (score == ChannelScore::taylor) {
    collect_gradients(data);
    return;
  }
  DeviceData part = data;
  const std::int64_t count = std::min(options.images, data.size());
  part.labels = data.labels.rows(0, count);
  each_batch(net, part, count, [&](const Batch& batch) { images_ = batch.images; });
}

std::vector<double> ChannelScorer::scores(const ChannelGroup& group) const {
  switch (score_) {
    case ChannelScore::gamma: return of_norms(group);
    case ChannelScore::outgoing: return outgoing(group);
    case ChannelScore::taylor: return taylor(group);
    case ChannelScore::change1: return change(group, 1);
    case ChannelScore::change2: return change(group, 2);
    case ChannelScore::random: {
      const RandomStream stream(options_.seed, Purpose::init, 1, name_key(group.axis->name()));
      std::vector<double> scores(static_cast<std::size_t>(group.axis->size()));
      for (std::size_t i = 0; i < scores.size(); ++i) scores[i] = static_cast<double>(stream.uniform(i));
      return scores;
    }
    default: return of_writers(group);
  }
}

void ChannelScorer::add_filter_scores(const ChannelWriter& writer, std::vector<double>& sums) const {
  const std::vector<double> values = writer.weight->value.to_doubles(), counted = counted_inputs(*writer.weight, options_.greedy);
  const std::size_t size = values.size() / sums.size(), channels = counted.size();
  std::vector<double> filters = values;
  for (std::size_t i = 0; i < filters.size(); ++i) filters[i] *= counted[i % channels];
  for (std::size_t j = 0; j < sums.size(); ++j) {
    const double* filter = &filters[j * size];
    double sum = 0.0;
    if (score_ == ChannelScore::geometric_median) {
      for (std::size_t k = 0; k < sums.size(); ++k) sum += distance(filter, &filters[k * size], size);
    } else {
      for (std::size_t i = 0; i < size; ++i) sum += score_ == ChannelScore::l1 ? std::abs(filter[i]) : filter[i] * filter[i];
      if (score_ == ChannelScore::l2) sum = std::sqrt(sum);
    }
    sums[j] += sum;
  }
}

std::vector<double> ChannelScorer::of_writers(const ChannelGroup& group) const {
  PLIANT_REQUIRE(ConfigError, !group.writers.empty(), "axis ", group.axis->name(),
                 ": a selection has no filters of its own; choose the score gamma, taylor, outgoing or random");
  std::vector<double> sums(static_cast<std::size_t>(group.axis->size()), 0.0);
  for (const ChannelWriter* writer : deciding_writers(group)) add_filter_scores(*writer, sums);
  return sums;
}

namespace {

// What a norm says about the channels of a group: of a selection, those that it takes of its stream.
std::vector<double> on_group(const ChannelGroup& group, const std::vector<double>& of_norm) {
  if (!group.axis->stream()) return of_norm;
  std::vector<double> taken;
  for (const std::int32_t position : group.axis->positions_in_stream()) taken.push_back(of_norm[static_cast<std::size_t>(position)]);
  return taken;
}

// The scales that decide about a group: of the norm right behind its writers, or in front of its selection.
std::vector<const Parameter*> deciding_scales(const ChannelGroup& group) {
  if (group.axis->stream()) return {group.scales.begin(), group.scales.end()};
  std::vector<const Parameter*> scales;
  for (const ChannelWriter* writer : deciding_writers(group)) {
    if (writer->scale) scales.push_back(writer->scale);
  }
  return scales;
}

}  // namespace

std::vector<double> ChannelScorer::of_norms(const ChannelGroup& group) const {
  const std::vector<const Parameter*> scales = deciding_scales(group);
  PLIANT_REQUIRE(ConfigError, !scales.empty(), "axis ", group.axis->name(), ": no batch norm belongs to it, whose scale could be its score");
  std::vector<double> sums(static_cast<std::size_t>(group.axis->size()), 0.0);
  for (const Parameter* scale : scales) {
    const std::vector<double> values = on_group(group, scale->value.to_doubles());
    for (std::size_t i = 0; i < sums.size(); ++i) sums[i] += std::abs(values[i]);
  }
  return sums;
}

std::vector<double> ChannelScorer::outgoing(const ChannelGroup& group) const {
  std::vector<double> sums(static_cast<std::size_t>(group.axis->size()), 0.0);
  for (const ChannelReader& reader : group.readers) {
    const std::vector<double> values = reader.weight->value.to_doubles();
    const std::vector<std::int32_t> positions = positions_on(*reader.through, *group.axis);
    const auto channels = static_cast<std::size_t>(reader.weight->dims[3].size);
    std::vector<double> columns(channels, 0.0);
    for (std::size_t i = 0; i < values.size(); ++i) columns[i % channels] += std::abs(values[i]);
    for (std::size_t c = 0; c < sums.size(); ++c) {
      if (positions[c] >= 0) sums[c] += columns[static_cast<std::size_t>(positions[c])];
    }
  }
  return sums;
}

void ChannelScorer::collect_gradients(const DeviceData& data) {
  Context& context = net_.store->context();
  DeviceData part = data;
  const std::int64_t count = std::min(options_.images, data.size());
  part.labels = data.labels.rows(0, count);
  net_.store->gradients().zero();
  each_batch(net_, part, count, [&](const Batch& batch) {
    Tape tape;
    Pass pass{.context = context, .tape = &tape, .select = only_exit(net_, net_.exits() - 1)};
    const Var logits = forward(net_, pass, Var{batch.images}).back();
    tape.backward({{cross_entropy(logits, Targets{.labels = batch.labels}), {}}});
  });
  for (const Parameter& parameter : net_.store->parameters()) {
    if (parameter.trainable()) gradients_[parameter.name] = parameter.grad.to_doubles();
  }
  net_.store->gradients().zero();
}

// The sum over an activation of y dL/dy equals scale dL/dscale + shift dL/dshift of its batch norm, or w dL/dw + b dL/db of its layer:
// the first-order change of the loss when the channel goes.
std::vector<double> ChannelScorer::taylor(const ChannelGroup& group) const {
  std::vector<double> sums(static_cast<std::size_t>(group.axis->size()), 0.0);
  const auto add = [&](const Parameter* parameter, bool of_norm) {
    if (!parameter) return;
    const std::vector<double> value = parameter->value.to_doubles(), &gradient = gradients_.at(parameter->name);
    std::vector<double> products(static_cast<std::size_t>(parameter->dims[0].size), 0.0);
    const std::size_t size = value.size() / products.size();
    for (std::size_t i = 0; i < value.size(); ++i) products[i / size] += value[i] * gradient[i];
    if (of_norm) products = on_group(group, products);
    for (std::size_t j = 0; j < sums.size(); ++j) sums[j] += products[j];
  };
  const std::vector<const Parameter*> scales = deciding_scales(group);
  for (const Parameter* scale : scales) {
    add(scale, true);
    add(net_.store->find(scale->name.substr(0, scale->name.rfind('.')) + ".bias"), true);
  }
  if (scales.empty()) {
    PLIANT_REQUIRE(ConfigError, !group.writers.empty(), "axis ", group.axis->name(), ": no norm and no layer of its own to measure");
    for (const ChannelWriter* writer : deciding_writers(group)) {
      add(writer->weight, false);
      add(net_.store->find(writer->layer + ".bias"), false);
    }
  }
  for (double& sum : sums) sum = std::abs(sum);
  return sums;
}

std::vector<double> ChannelScorer::change(const ChannelGroup& group, int layers) const {
  std::vector<std::string> watched;
  for (const ChannelReader& reader : group.readers) watched.push_back(reader.layer);
  for (int k = 1; k < layers; ++k) {
    std::vector<std::string> next;
    for (const ChannelGroup& other : groups_) {
      const bool follows = std::any_of(other.writers.begin(), other.writers.end(), [&](const ChannelWriter& writer) {
        return std::find(watched.begin(), watched.end(), writer.layer) != watched.end();
      });
      for (const ChannelReader& reader : other.readers) {
        if (follows) next.push_back(reader.layer);
      }
    }
    if (!next.empty()) watched = next;  // the classifier is the last layer there is
  }
  std::map<std::string, Tensor> before;
  double squares = 0.0, values = 0.0;
  bool measuring = false;
  const PassObserver observer = [&](const std::string& layer, const Tensor&, const Tensor& y) {
    if (std::find(watched.begin(), watched.end(), layer) == watched.end()) return;
    if (!measuring) {
      before[layer] = y.clone();
      return;
    }
    Tensor difference = Tensor::like(y);
    kernels::add(y, before.at(layer), -1.0, difference);
    for (const double value : difference.to_doubles()) squares += value * value;
    values += static_cast<double>(y.size());
  };
  const auto run = [&] {
    Pass pass{.context = net_.store->context(), .observer = &observer};
    forward(net_, pass, Var{images_});
  };
  run();
  measuring = true;
  ChannelAxis& axis = *group.axis;
  const Tensor whole = axis.mask;
  const std::vector<std::int32_t> there = kept_channels(axis);
  std::vector<double> scores(static_cast<std::size_t>(axis.size()), 0.0);
  for (const std::int32_t channel : there) {
    std::vector<std::int32_t> without = there;
    std::erase(without, channel);
    squares = values = 0.0;
    keep_channels(net_.store->context(), net_.store->dtype(), axis, without);
    run();
    scores[static_cast<std::size_t>(channel)] = std::sqrt(squares / std::max(values, 1.0));
  }
  axis.mask = whole;
  return scores;
}

}  // namespace pliant
