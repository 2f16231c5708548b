#include "train/gate_samples.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <numeric>

#include "core/rng.h"
#include "kernels/cross_entropy.h"

namespace pliant {

namespace {

Selection drawn(const Net& net, Selection select, std::uint64_t seed, int pattern) {
  for (int block = 0; block < net.blocks && !net.description.gate_per_sample; ++block) {
    const RandomStream stream(seed, Purpose::gate, static_cast<std::uint32_t>(pattern), static_cast<std::uint32_t>(block));
    if (stream.uniform(0) >= net.description.survival[static_cast<std::size_t>(block)]) select.dropped.insert(block);
  }
  return select;
}

// Sums of softmax over patterns, per exit [N * classes].
std::vector<std::vector<double>> summed_softmax(const Net& net, const Batch& batch, const std::vector<Selection>& patterns, std::uint64_t seed) {
  Context& context = net.store->context();
  std::vector<std::vector<double>> sums;
  for (std::size_t k = 0; k < patterns.size(); ++k) {
    Pass pass{.context = context, .select = patterns[k], .random_key = random_key(context, seed, static_cast<std::uint32_t>(k)),
              .samples = batch.samples, .branches = Branches::as_in_training};
    const std::vector<Var> logits = forward(net, pass, Var{batch.images});
    sums.resize(logits.size());
    for (std::size_t exit = 0; exit < logits.size(); ++exit) {
      Tensor p = Tensor::like(logits[exit].value);
      kernels::softmax(logits[exit].value, p);
      const std::vector<double> values = p.to_doubles();
      sums[exit].resize(values.size(), 0.0);
      std::transform(values.begin(), values.end(), sums[exit].begin(), sums[exit].begin(), std::plus<>());
    }
  }
  return sums;
}

void add_batch(const std::vector<double>& sums, const std::vector<std::int32_t>& labels, std::size_t patterns, Figures& figures) {
  const std::size_t classes = sums.size() / labels.size();
  for (std::size_t n = 0; n < labels.size(); ++n) {
    const auto row = sums.begin() + static_cast<std::ptrdiff_t>(n * classes);
    const auto label = static_cast<std::ptrdiff_t>(labels[n]);
    figures.accuracy += std::max_element(row, row + static_cast<std::ptrdiff_t>(classes)) - row == label;
    figures.loss -= std::log(row[label] / static_cast<double>(patterns));
  }
}

}  // namespace

Evaluation evaluate_gates(const Net& net, const DeviceData& data, std::int64_t batch_size, const Selection& select, int patterns, std::uint64_t seed) {
  PLIANT_REQUIRE(ConfigError, !net.description.survival.empty(), net.description.name, ": has no stochastic depth whose gates could be sampled");
  PLIANT_REQUIRE(ConfigError, patterns >= 1, "gate samples: at least one pattern, got ", patterns);
  const auto start = std::chrono::steady_clock::now();
  std::vector<Selection> drawn_patterns;
  for (int k = 0; k < patterns; ++k) drawn_patterns.push_back(drawn(net, select, seed, k));
  Evaluation result;
  result.samples = data.size();
  each_batch(net, data, batch_size, [&](const Batch& batch) {
    const std::vector<std::vector<double>> sums = summed_softmax(net, batch, drawn_patterns, seed);
    const std::vector<std::int32_t> labels = batch.labels.to_host<std::int32_t>();
    result.exits.resize(sums.size());
    for (std::size_t exit = 0; exit < sums.size(); ++exit) add_batch(sums[exit], labels, drawn_patterns.size(), result.exits[exit]);
  });
  for (Figures& exit : result.exits) {
    exit.loss /= static_cast<double>(data.size());
    exit.accuracy /= static_cast<double>(data.size());
  }
  result.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return result;
}

}  // namespace pliant
