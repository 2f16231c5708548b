#include "nets/stochastic_depth.h"

#include <numeric>

namespace pliant {

namespace {

void require_probability(double p) {
  PLIANT_REQUIRE(UsageError, p > 0.0 && p <= 1.0, "stochastic depth: a survival probability is above 0 and at most 1, got ", p);
}

}  // namespace

std::vector<double> linear_survival(int blocks, double last) {
  require_probability(last);
  std::vector<double> survival;
  for (int l = 1; l <= blocks; ++l) survival.push_back(1.0 - static_cast<double>(l) / blocks * (1.0 - last));
  return survival;
}

std::vector<double> uniform_survival(int blocks, double p) {
  require_probability(p);
  return std::vector<double>(static_cast<std::size_t>(blocks), p);
}

double expected_open_blocks(const std::vector<double>& survival) { return std::accumulate(survival.begin(), survival.end(), 0.0); }

double expected_macs(const Net& net) {
  const auto full = static_cast<double>(cost(net).macs);
  double mean = full;
  for (int block = 0; block < net.blocks && !net.description.survival.empty(); ++block) {
    Selection without;
    without.dropped.insert(block);
    const double saved = full - static_cast<double>(cost(net, without).macs);
    mean -= (1.0 - net.description.survival[static_cast<std::size_t>(block)]) * saved;
  }
  return mean / full;
}

}  // namespace pliant
