// Whole runs of nets that combine widths, exits, gates and masks: trained, interrupted, saved, loaded, resumed and evaluated.
#include <doctest/doctest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "core/memory_ops.h"
#include "nets/stochastic_depth.h"
#include "nets/widths.h"
#include "tests/support/compare.h"
#include "tests/support/contexts.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/tiny_net.h"
#include "train/checkpoint.h"
#include "train/trainer.h"

namespace pliant::test {

namespace {

Splits small_data() {
  DataOptions options;
  options.source = "synthetic";
  options.synthetic = {.train = 60, .test = 20, .height = 8, .width = 8, .channels = 3, .classes = 3};
  options.validation = 12;
  return load_data(options);
}

NetDescription combined(WidthStatistics statistics) {
  NetDescription d = tiny_resnet();
  const std::map<std::string, std::int64_t> sizes = d.axis_sizes;
  add_widths(d, {0.5, 0.75, 1.0}, WidthRounding::truncate, statistics);
  d.axis_sizes = sizes;
  d.exits = {3, 6};
  d.exit_dropout = 0.1;
  d.survival = linear_survival(9, 0.5);
  return d;
}

TrainConfig small_config() {
  TrainConfig config;
  config.epochs = 3;
  config.batch = 16;
  config.rate = 0.02;
  config.augmentation = {.pad = 1, .flip = true};
  config.dynamic.exit_weights = "1,0.5,1";
  config.dynamic.log_gradients = true;
  return config;
}

// The first channel of the second residual stream is gone.
Net fresh_net(const NetDescription& d, bool masked) {
  Net net = build_net(d);
  net.store->allocate(cpu(), DType::f32);
  initialise(net, 1);
  if (!masked) return net;
  ChannelAxis& axis = *net.store->find_axis("layer2");
  std::vector<double> keep(static_cast<std::size_t>(axis.size()), 1.0);
  keep[0] = 0.0;
  axis.mask = make_tensor(cpu(), {axis.size()}, DType::f32, keep);
  return net;
}

std::string text_of(const std::string& path) {
  std::ifstream in(path);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

struct Case {
  NetDescription net;
  TrainConfig config;
  bool masked = false;
};

void check_resume(const Case& one) {
  const TemporaryFolder folder;
  const Splits data = small_data();
  const std::string whole_path = (folder.path() / "whole").string();
  Net whole = fresh_net(one.net, one.masked);
  const RunFolder whole_folder(whole_path, false);
  const TrainResult expected = Trainer(whole, data, one.config, whole_folder).run({}, [] { return false; });
  CHECK_FALSE(expected.interrupted);
  const std::int64_t steps = (data.train.size() + one.config.batch - 1) / one.config.batch * one.config.epochs;
  for (const std::int64_t stop_after : {std::int64_t{1}, steps / 2, steps - 2}) {
    CAPTURE(stop_after);
    const std::string path = (folder.path() / cat("cut", stop_after)).string();
    {
      Net net = fresh_net(one.net, one.masked);
      const RunFolder out(path, false);
      std::int64_t asked = 0;
      REQUIRE(Trainer(net, data, one.config, out).run({}, [&] { return asked++ >= stop_after; }).interrupted);
    }
    LoadedNet loaded = load_checkpoint(cpu(), path + "/last.safetensors");
    const RunFolder out(path, true);
    Trainer trainer(loaded.net, data, one.config, out);
    trainer.restore(loaded.info.trainer_state, loaded.arenas);
    const TrainResult result = trainer.run({}, [] { return false; });
    CHECK(bit_equal(loaded.net.store->values(), whole.store->values()));
    CHECK(bit_equal(loaded.net.store->buffers(), whole.store->buffers()));
    REQUIRE(result.test_rows.size() == expected.test_rows.size());
    for (std::size_t i = 0; i < result.test_rows.size(); ++i) {
      CHECK(result.test_rows[i].figures.accuracy == expected.test_rows[i].figures.accuracy);
    }
    for (const char* name : {"/rows.csv", "/gradients.csv", "/depth.csv"}) {
      CAPTURE(name);
      CHECK(text_of(path + name) == text_of(whole_path + name));
      CHECK(text_of(path + name).size() > (std::string(name) == "/depth.csv" && one.net.survival.empty() ? 0u : 40u));
    }
  }
}

}  // namespace

TEST_CASE("dynamic run: widths and exits and gates and a mask together resume bit for bit") {
  check_resume({combined(WidthStatistics::switchable), small_config(), true});
}

TEST_CASE("dynamic run: the sandwich rule with in-place distillation and drop path resumes bit for bit") {
  Case one{combined(WidthStatistics::shared), small_config()};
  one.net.gate_per_sample = one.net.scale_in_training = true;
  one.config.dynamic.width_training = "sandwich";
  one.config.dynamic.inplace_distillation = true;
  check_resume(one);
}

TEST_CASE("dynamic run: incremental widths resume bit for bit") {
  Case one{combined(WidthStatistics::switchable), small_config()};
  one.config.dynamic.width_training = "incremental";
  check_resume(one);
}

TEST_CASE("dynamic run: exits in turn behind a frozen backbone with Adam resume bit for bit") {
  Case one{combined(WidthStatistics::statistics), small_config()};
  one.config.dynamic.exit_order = "sequential";
  one.config.dynamic.freeze_backbone = 1;
  one.config.optimizer.kind = OptimizerKind::adam;
  one.config.rate = 0.002;
  check_resume(one);
}

TEST_CASE("dynamic run: the folder says what stochastic depth did") {
  const TemporaryFolder folder;
  NetDescription d = tiny_resnet();
  d.survival = linear_survival(9, 0.5);
  Net net = fresh_net(d, false);
  const std::string path = (folder.path() / "run").string();
  TrainConfig config = small_config();
  config.dynamic.exit_weights = "equal";
  const Splits data = small_data();
  const RunFolder out(path, false);
  Trainer(net, data, config, out).run({}, [] { return false; });
  const auto json = nlohmann::json::parse(text_of(path + "/depth.json"));
  CHECK(json.at("survival").get<std::vector<double>>() == d.survival);
  CHECK(json.at("expected_open_blocks").get<double>() == doctest::Approx(6.5));
  CHECK(json.at("blocks") == 9);
  CHECK(json.contains("time_saved"));
  CHECK(text_of(path + "/depth.csv").starts_with("epoch,open_blocks,first_convolution_gradient\n1,"));
}

}  // namespace pliant::test
