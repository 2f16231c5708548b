// Whole runs that become sparse while they train: what they leave, and that an interrupted and resumed one ends bit for bit the same.
#include "train/sparsity.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <filesystem>
#include <utility>

#include "nets/compact.h"
#include "tests/support/compare.h"
#include "tests/support/contexts.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/tiny_net.h"
#include "tests/train/file_helpers.h"
#include "train/checkpoint.h"
#include "train/pruning/magnitude.h"
#include "train/trainer.h"

namespace pliant::test {

namespace {

Splits small_data() {
  DataOptions options;
  options.source = "synthetic";
  options.synthetic = {.train = 60, .test = 20, .height = 16, .width = 16, .channels = 3, .classes = 3};
  options.validation = 12;
  return load_data(options);
}

NetDescription small_net() {
  NetDescription d = default_description("lenet5");
  d.height = d.width = 16;
  d.channels = d.classes = 3;
  return d;
}

// Three steps an epoch.
TrainConfig small_config(const SparsityOptions& sparsity) {
  TrainConfig config;
  config.epochs = 4;
  config.batch = 16;
  config.rate = 0.02;
  config.augmentation = {.pad = 1, .flip = true};
  config.sparsity = sparsity;
  return config;
}

Net fresh_net(const NetDescription& d = small_net()) {
  Net net = build_net(d);
  net.store->allocate(cpu(), DType::f32);
  initialise(net, 1);
  return net;
}

std::int64_t zero_weights(const Net& net) {
  std::int64_t zeros = 0;
  for (const Parameter& parameter : net.store->parameters()) {
    if (parameter.role != Role::filter) continue;
    const std::vector<double> values = parameter.value.to_doubles();
    zeros += std::count(values.begin(), values.end(), 0.0);
  }
  return zeros;
}

std::int64_t expected_zeros(const Net& net, double share) {
  return static_cast<std::int64_t>(static_cast<double>(count_filter_weights(net).all) * share) + 1;
}

TrainResult run(Net& net, const Splits& data, const TrainConfig& config, const std::string& path, std::int64_t steps = 1 << 20) {
  const RunFolder out(path, false);
  std::int64_t asked = 0;
  return Trainer(net, data, config, out).run({}, [&] { return asked++ >= steps; });
}

bool same_masks(const Net& a, const Net& b) {
  for (const Parameter& parameter : a.store->parameters()) {
    const Tensor& other = b.store->find(parameter.name)->mask;
    if (static_cast<bool>(parameter.mask) != static_cast<bool>(other) || (other && !bit_equal(parameter.mask, other))) return false;
  }
  for (const auto& axis : a.store->axes()) {
    const Tensor& other = b.store->find_axis(axis->name())->mask;
    if (static_cast<bool>(axis->mask) != static_cast<bool>(other) || (other && !bit_equal(axis->mask, other))) return false;
  }
  return true;
}

// The file's text, or "none" where there is no such file.
std::string text_of(const std::string& path) { return std::filesystem::exists(path) ? read_all(path) : "none"; }

void check_resume(const TrainConfig& config, const NetDescription& d = small_net()) {
  const TemporaryFolder folder;
  const Splits data = small_data();
  Net whole = fresh_net(d);
  const TrainResult expected = run(whole, data, config, (folder.path() / "whole").string());
  REQUIRE_FALSE(expected.interrupted);
  for (const std::int64_t stop_after : {0, 1, 3, 8}) {
    CAPTURE(stop_after);
    const std::string path = (folder.path() / cat("cut", stop_after)).string();
    Net net = fresh_net(d);
    REQUIRE(run(net, data, config, path, stop_after).interrupted);
    LoadedNet loaded = load_checkpoint(cpu(), path + "/last.safetensors");
    const RunFolder out(path, true);
    Trainer trainer(loaded.net, data, config, out);
    trainer.restore(loaded.info.trainer_state, loaded.arenas);
    const TrainResult result = trainer.run({}, [] { return false; });
    CHECK(bit_equal(loaded.net.store->values(), whole.store->values()));
    CHECK(bit_equal(loaded.net.store->buffers(), whole.store->buffers()));
    CHECK(same_masks(loaded.net, whole));
    CHECK(result.best_epoch == expected.best_epoch);
    CHECK(result.test_accuracy == expected.test_accuracy);
    for (const char* name : {"/positions.csv", "/positions.svg"}) CHECK(text_of(path + name) == text_of((folder.path() / "whole").string() + name));
  }
}

}  // namespace

TEST_CASE("sparse run: one-shot and gradual and iterative pruning end at the sparsity with an exact count") {
  const TemporaryFolder folder;
  const Splits data = small_data();
  int number = 0;
  for (const SparsityOptions& sparsity : {SparsityOptions{.fraction = 0.5, .begin = 1}, SparsityOptions{.fraction = 0.5},
                                          SparsityOptions{.fraction = 0.6, .schedule = "gradual", .begin = 1, .end = 3, .every = "2"},
                                          SparsityOptions{.fraction = 0.4, .schedule = "gradual", .end = 4},
                                          SparsityOptions{.fraction = 0.5, .schedule = "iterative", .begin = 1, .end = 3}}) {
    CAPTURE(sparsity.schedule);
    Net net = fresh_net();
    const TrainResult result = run(net, data, small_config(sparsity), (folder.path() / cat("run", number++)).string());
    const bool rounds = sparsity.schedule == "iterative";
    std::int64_t left = count_filter_weights(net).all;
    if (rounds) {
      const double share = pruning_events(sparsity, {3, 4})[0].fraction;
      for (int round = 0; round < 3; ++round) left -= static_cast<std::int64_t>(static_cast<double>(left) * share) + 1;
    } else {
      left -= expected_zeros(net, sparsity.fraction);
    }
    CHECK(count_filter_weights(net).left == left);
    CHECK(zero_weights(net) == count_filter_weights(net).all - left);
    const LoadedNet best = load_checkpoint(cpu(), result.checkpoint);
    CHECK(count_filter_weights(best.net).left == left);  // no epoch before the last pruning can be the best one
    CHECK(zero_weights(best.net) == zero_weights(net));
    CHECK(result.best_epoch >= pruning_events(sparsity, {3, 4}).back().step / 3);
  }
}

TEST_CASE("sparse run: dense-sparse-dense ends dense and its best epoch is dense") {
  const TemporaryFolder folder;
  const Splits data = small_data();
  const TrainConfig config = small_config({.fraction = 0.5, .begin = 1, .dense_at = 3});
  Net net = fresh_net(tiny_resnet());
  const TrainResult result = run(net, data, config, (folder.path() / "dense").string());
  for (const Parameter& parameter : net.store->parameters()) CHECK_FALSE(parameter.mask);
  CHECK(zero_weights(net) * 20 < expected_zeros(net, 0.5));  // a weight behind a channel that is always zero has no gradient
  CHECK(result.best_epoch == 4);
  Net before = fresh_net(tiny_resnet());
  run(before, data, config, (folder.path() / "sparse").string(), 8);  // a step before the masks go
  CHECK(zero_weights(before) == expected_zeros(before, 0.5));
}

TEST_CASE("sparse run: one-shot pruning resumes bit for bit") { check_resume(small_config({.fraction = 0.5, .begin = 1})); }

TEST_CASE("sparse run: gradual pruning resumes bit for bit") {
  check_resume(small_config({.fraction = 0.6, .schedule = "gradual", .end = 3, .every = "2", .scope = "layer"}));
}

TEST_CASE("sparse run: iterative pruning resumes bit for bit with Adam") {
  TrainConfig config = small_config({.fraction = 0.6, .schedule = "iterative", .end = 3});
  config.optimizer = {.kind = OptimizerKind::adam};
  config.rate = 0.002;
  check_resume(config);
}

TEST_CASE("sparse run: rounds of a net with 3x3 kernels resume bit for bit with their positions") {
  check_resume(small_config({.fraction = 0.6, .schedule = "iterative", .end = 3, .every = "2"}), tiny_resnet());
}

TEST_CASE("sparse run: each pruning adds the positions of kernels to the folder") {
  const TemporaryFolder folder;
  const Splits data = small_data();
  const auto positions = [&](const NetDescription& d, const SparsityOptions& sparsity, const char* name, bool picture) {
    Net net = fresh_net(d);
    TrainConfig config = small_config(sparsity);
    config.epochs = 2;
    const std::string path = (folder.path() / name).string();
    run(net, data, config, path);
    CHECK(std::filesystem::exists(path + "/positions.svg") == picture);
    const std::string text = text_of(path + "/positions.csv");
    const std::size_t last = text.rfind("step ");
    if (last == std::string::npos) return text;
    const std::string pass = text.substr(last, text.find(',', last) - last), rows = pattern_table({{pass, kernel_patterns(net)}}).csv();
    CHECK(text.ends_with(rows.substr(rows.find('\n'))));  // the net ends as the last pruning left it
    return text;
  };
  const std::string rounds = positions(tiny_resnet(), {.fraction = 0.75, .schedule = "iterative", .end = 1}, "rounds", true);
  CHECK(std::count(rounds.begin(), rounds.end(), '\n') == 1 + 2 * 27);
  for (const char* pass : {"\nstep 0: 49.", "\nstep 3: 24."}) CHECK(rounds.find(pass) != std::string::npos);
  const std::string once = positions(small_net(), {.fraction = 0.5, .begin = 1}, "once", false);
  CHECK(std::count(once.begin(), once.end(), '\n') == 1 + 2 * 25);
  CHECK(once.find("\nstep 3: 4") != std::string::npos);
  NetDescription centres = tiny_resnet();
  centres.kernel_shape = "centre";
  CHECK(positions(centres, {.fraction = 0.5}, "centres", false) == "none");
  CHECK(positions(tiny_resnet(), {.soft_pruning = 0.3}, "soft", false) == "none");
}

TEST_CASE("sparse run: dense-sparse-dense resumes bit for bit") { check_resume(small_config({.fraction = 0.5, .begin = 1, .dense_at = 2})); }

TEST_CASE("sparse run: network slimming and sparse structure selection resume bit for bit") {
  NetDescription d = tiny_resnet();
  d.block_scales = true;
  TrainConfig config = small_config({});
  config.epochs = 3;
  config.optimizer.scale_sparsity = 1e-3;
  config.optimizer.block_sparsity = 2.0;
  check_resume(config, d);
}

TEST_CASE("sparse run: penalties shrink batch norm and switch off residual branches") {
  const TemporaryFolder folder;
  const Splits data = small_data();
  NetDescription d = tiny_resnet();
  d.block_scales = true;
  const auto sums = [&](double scale_sparsity, double block_sparsity, const char* name) {
    TrainConfig config = small_config({});
    config.epochs = 2;
    config.rate = 0.1;
    config.schedule = parse_schedule("constant");
    config.optimizer = {.momentum = 0.9, .scale_sparsity = scale_sparsity, .block_sparsity = block_sparsity};
    Net net = fresh_net(d);
    run(net, data, config, (folder.path() / name).string());
    std::array<double, 3> result{};  // of all scales, of all factors, and how many factors are zero
    for (const Parameter& parameter : net.store->parameters()) {
      const bool factor = parameter.role == Role::block_scale;
      if (parameter.role != Role::scale && !factor) continue;
      for (const double value : parameter.value.to_doubles()) {
        result[factor ? 1 : 0] += std::abs(value);
        result[2] += factor && value == 0.0 ? 1.0 : 0.0;
      }
    }
    return result;
  };
  const auto plain = sums(0.0, 0.0, "plain"), sparse = sums(0.05, 5.0, "sparse");
  CHECK(sparse[0] < 0.95 * plain[0]);
  CHECK(plain[1] > 0.0);
  CHECK(plain[2] < 9.0);
  CHECK(sparse[1] == 0.0);
  CHECK(sparse[2] == 9.0);
}

TEST_CASE("sparse run: soft filter pruning resumes bit for bit") { check_resume(small_config({.soft_pruning = 0.3})); }

TEST_CASE("sparse run: soft filter pruning leaves masks on a whole part of every inner axis and they can be removed exactly") {
  const TemporaryFolder folder;
  const Splits data = small_data();
  TrainConfig config = small_config({.soft_pruning = 0.3});
  config.epochs = 2;
  Net net = fresh_net(tiny_resnet());
  const TrainResult result = run(net, data, config, (folder.path() / "run").string());
  const LoadedNet best = load_checkpoint(cpu(), result.checkpoint), last = load_checkpoint(cpu(), (folder.path() / "run/last.safetensors").string());
  for (const Net* one : {&std::as_const(net), &best.net, &last.net}) {
    for (const auto& axis : one->store->axes()) {
      CAPTURE(axis->name());
      const bool inner = axis->name().ends_with(".conv1");
      REQUIRE(static_cast<bool>(axis->mask) == inner);
      if (!inner) continue;
      const std::vector<double> keep = axis->mask.to_doubles(), filter = one->store->find(axis->name() + ".weight")->value.to_doubles();
      CHECK(std::count(keep.begin(), keep.end(), 0.0) == static_cast<std::int64_t>(0.3 * static_cast<double>(axis->size())));
      const std::size_t taps = filter.size() / keep.size();
      for (std::size_t i = 0; i < filter.size(); ++i) CHECK((filter[i] == 0.0) == (keep[i / taps] == 0.0));
    }
    const Net smaller = compact(*one);
    CHECK(smaller.store->trainable_count() < one->store->trainable_count());
    CHECK(difference(eval_pass(smaller)[0], eval_pass(*one)[0]).relative <= 1e-5);
  }
  Net before = fresh_net(tiny_resnet());
  run(before, data, config, (folder.path() / "cut").string(), 4);  // a step into the last epoch
  CHECK(zero_weights(before) == 0);  // what was zero came back
  for (const auto& axis : before.store->axes()) CHECK_FALSE(axis->mask);
}

TEST_CASE("sparse run: patience counts from the first epoch that is sparse") {
  const TemporaryFolder folder;
  const Splits data = small_data();
  TrainConfig config = small_config({.fraction = 0.5, .begin = 3});
  config.epochs = 8;
  config.patience = 2;
  config.rate = 1e-12;  // nothing improves
  Net net = fresh_net();
  const TrainResult result = run(net, data, config, (folder.path() / "run").string());
  CHECK(result.best_epoch == 3);
  MetricsColumns columns;
  CHECK(read_metrics((folder.path() / "run" / "metrics.csv").string(), columns).size() == 5);
}

TEST_CASE("sparse run: what does not fit the net or the run is refused before anything is written") {
  const TemporaryFolder folder;
  const Splits data = small_data();
  const auto refused = [&](const NetDescription& d, const TrainConfig& config, const char* word) {
    Net net = fresh_net(d);
    CHECK_THROWS_WITH_AS(run(net, data, config, (folder.path() / "run").string()), doctest::Contains(word), ConfigError);
    CHECK_FALSE(std::filesystem::exists(folder.path() / "run" / "last.safetensors"));
    std::filesystem::remove_all(folder.path() / "run");
  };
  NetDescription mlp = small_net();
  mlp.name = "mlp";
  refused(mlp, small_config({.fraction = 0.5}), "mlp");
  refused(tiny_resnet(), small_config({.fraction = 0.5, .begin = 4}), "sparsity-begin");
  TrainConfig incremental = small_config({.fraction = 0.5});
  incremental.dynamic.width_training = "incremental";
  NetDescription slim = tiny_resnet();
  slim.widths = {share_of_axes(build_net(slim), 0.5)};
  slim.width_ratios = {0.5};
  slim.batch_norm_sets = 2;
  refused(slim, incremental, "incremental");
}

}  // namespace pliant::test
