#include "tests/train/compare_support.h"

#include "tests/support/tiny_net.h"

namespace pliant::test {

Splits compare_data(std::uint64_t seed) {
  DataOptions options;
  options.source = "synthetic";
  options.synthetic = {.train = 48, .test = 24, .height = 8, .width = 8, .channels = 3, .classes = 3};
  options.validation = 12;
  options.seed = seed;
  return load_data(options);
}

NetDescription compare_net() { return tiny_resnet(); }

TrainConfig compare_config() {
  TrainConfig config;
  config.epochs = 2;
  config.batch = 12;
  config.rate = 0.05;
  config.data.source = "synthetic";
  return config;
}

EngineOptions watched(const std::string& out, std::vector<std::uint64_t> seeds, Watch& watch) {
  EngineOptions options{.out = out, .seeds = std::move(seeds)};
  options.data = [&](std::uint64_t seed) {
    ++watch.data;
    return compare_data(seed);
  };
  options.interrupted = [&] { return watch.steps_left >= 0 && watch.steps_left-- == 0; };
  options.say = [&](const std::string& line) { watch.lines.push_back(line); };
  return options;
}

}  // namespace pliant::test
