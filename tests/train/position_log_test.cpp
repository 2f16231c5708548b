#include "train/position_log.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <string_view>

#include "tests/support/contexts.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/tiny_net.h"
#include "tests/train/file_helpers.h"
#include "train/pruning/magnitude.h"

namespace pliant::test {

namespace {

constexpr const char* kColumns = "pass,stage,kernel,row,column,kept\n";

std::int64_t occurrences(const std::string& text, std::string_view part) {
  std::int64_t count = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++count;
  return count;
}

// Two prunings of half of what is left, after 3 and after 6 steps.
void prune_twice(Net& net, PositionLog& log) {
  for (const std::int64_t steps : {3, 6}) {
    prune_weights(net, 0.5, WeightScope::global, true);
    log.append(steps);
  }
  log.write();
}

}  // namespace

TEST_CASE("position log: each pruning has the shares of the kernels by hand") {
  const TemporaryFolder folder;
  Net net = make_net(cpu(), tiny_resnet(), DType::f32);
  Parameter& filter = *net.store->find("conv1.weight");
  std::vector<float> mask(static_cast<std::size_t>(filter.shape().size()), 1.0f);
  for (std::size_t i = 0; i < mask.size(); ++i) {
    if (i / static_cast<std::size_t>(filter.shape()[3]) % 9 == 5) mask[i] = 0.0f;
  }
  filter.mask = Tensor::from_host(cpu(), filter.shape(), mask);
  const auto path = folder.path() / "positions.csv";
  PositionLog log(net, path.string(), 0);
  CHECK(read_all(path) == kColumns);
  log.append(0);
  CHECK(read_all(path) == kColumns);  // until it is told to write
  log.write();
  const std::string text = read_all(path);
  CHECK(occurrences(text, "\n") == 1 + 3 * 9);
  // Stage 1 has 4 x 3 + 6 x 4 x 4 = 108 kernels, 12 of which lost a weight; all stages have 6,120 weights.
  const WeightCount weights = count_filter_weights(net);
  CHECK(weights.all == 6120);
  CHECK(weights.all - weights.left == 12);
  const std::vector<KernelPattern> patterns = kernel_patterns(net);
  CHECK(patterns[0].share[5] == 1.0 - 12.0 / 108.0);
  CHECK(text == pattern_table({{"step 0: 99.80 % left", patterns}}).csv());
  CHECK(text.find("step 0: 99.80 % left,1,3x3,2,3,0.888888") != std::string::npos);
  CHECK(text.find("step 0: 99.80 % left,1,3x3,3,1,1\n") != std::string::npos);
}

TEST_CASE("position log: a continued file has the prunings up to the step and the same numbers") {
  const TemporaryFolder folder;
  const auto path = folder.path() / "positions.csv", picture = folder.path() / "positions.svg";
  Net net = make_net(cpu(), tiny_resnet(), DType::f32), other = make_net(cpu(), tiny_resnet(), DType::f32);
  PositionLog whole(net, path.string(), 0);
  prune_twice(net, whole);
  whole.draw(picture.string());
  const std::string text = read_all(path), drawn = read_all(picture);
  CHECK(text.find("step 3: 50.") == std::string::npos);  // the weight at the threshold goes too
  CHECK(text.find("step 3: 49.") != std::string::npos);
  CHECK(text.find("step 6: 24.") != std::string::npos);
  for (const std::int64_t steps : {1 << 20, 6}) {
    PositionLog same(net, path.string(), steps);
    CHECK(read_all(path) == text);
    std::filesystem::remove(picture);
    same.draw(picture.string());
    CHECK(read_all(picture) == drawn);
  }
  prune_weights(other, 0.5, WeightScope::global, true);
  PositionLog cut(other, path.string(), 5);
  const std::string first = read_all(path);
  CHECK(first == text.substr(0, text.find("step 6")));
  prune_weights(other, 0.5, WeightScope::global, true);
  cut.append(6);
  cut.write();
  CHECK(read_all(path) == text);
  PositionLog(other, path.string(), 0);  // which a run without a step begins anew
  CHECK(read_all(path) == kColumns);
  std::filesystem::remove(path);
  PositionLog(other, path.string(), 5);
  CHECK(read_all(path) == kColumns);
}

TEST_CASE("position log: what is no file of the net is refused with its place") {
  const TemporaryFolder folder;
  const auto path = folder.path() / "positions.csv";
  Net net = make_net(cpu(), tiny_resnet(), DType::f32);
  PositionLog log(net, path.string(), 0);
  prune_twice(net, log);
  const std::string text = read_all(path);
  const auto refused = [&](std::string_view from, std::string_view to, const char* saying) {
    CAPTURE(saying);
    std::string damaged = text;
    damaged.replace(damaged.find(from), from.size(), to);
    write_all(path, damaged);
    CHECK_THROWS_WITH_AS(PositionLog(net, path.string(), 6), doctest::Contains(saying), FileError);
    CHECK(read_all(path) == damaged);
  };
  refused("pass,stage", "epoch,stage", "expected the columns");
  refused("step 3:", "epoch 3:", "positions.csv:2: expected a pass");
  refused("step 3:", "step x:", "positions.csv:2: expected a pass");
  refused(",1,3x3,1,1,", ",2,3x3,1,1,", "positions.csv:2: expected pass");
  refused(",1,3x3,1,2,", ",1,3x3,1,3,", "positions.csv:3: expected pass");
  refused(",2,3x3,1,1,", ",2,1x1,1,1,", "positions.csv:11: expected pass");
  refused(",1,3x3,1,1,0", ",1,3x3,1,1,2", "from 0 to 1");
  refused(",1,3x3,1,1,0.", ",1,3x3,1,1,.x", "finite number");
  refused(text.substr(text.rfind('\n', text.size() - 2) + 1), "", "ends in the middle");
  write_all(path, text + text.substr(text.find('\n') + 1));
  CHECK_THROWS_WITH_AS(PositionLog(net, path.string(), 6), doctest::Contains("do not increase"), FileError);
  write_all(path, text);
  const Net other = make_net(cpu(), default_description("lenet5"), DType::f32);
  CHECK_THROWS_WITH_AS(PositionLog(other, path.string(), 6), doctest::Contains("another net"), FileError);
}

TEST_CASE("position log: the picture has a line per pruning and of very many only some") {
  const TemporaryFolder folder;
  const auto picture = folder.path() / "positions.svg";
  const Net net = make_net(cpu(), tiny_resnet(), DType::f32);
  PositionLog log(net, (folder.path() / "positions.csv").string(), 0);
  log.draw(picture.string());
  CHECK_FALSE(std::filesystem::exists(picture));
  for (int i = 0; i < 20; ++i) log.append(10 * i);
  log.draw(picture.string());
  CHECK(occurrences(read_all(picture), ">step ") == 20);
  for (int i = 20; i < 60; ++i) log.append(10 * i);
  log.draw(picture.string());
  const std::string text = read_all(picture);
  CHECK(occurrences(text, ">step ") == 20);
  CHECK(occurrences(text, ">step 0:") == 1);
  CHECK(occurrences(text, ">step 590:") == 1);
  CHECK(text.find("stage 3 (2x2)") != std::string::npos);
}

TEST_CASE("position log: nets without kernels have no positions and those without 3x3 kernels no picture") {
  const TemporaryFolder folder;
  NetDescription crosses = tiny_resnet(), centres = tiny_resnet();
  crosses.kernel_shape = "cross";
  centres.kernel_shape = "centre";
  CHECK_FALSE(PositionLog::has_positions(make_net(cpu(), centres, DType::f32)));
  CHECK_FALSE(PositionLog::has_positions(make_net(cpu(), default_description("mlp"), DType::f32)));
  for (const NetDescription& d : {crosses, default_description("lenet5")}) {
    const Net net = make_net(cpu(), d, DType::f32);
    CAPTURE(d.name);
    CHECK(PositionLog::has_positions(net));
    PositionLog log(net, (folder.path() / "positions.csv").string(), 0);
    log.append(1);
    log.write();
    CHECK(read_all(folder.path() / "positions.csv").find(d.name == "lenet5" ? "left,1,5x5,5,5,1\n" : "left,1,5x1,5,1,1\n") != std::string::npos);
    log.draw((folder.path() / "positions.svg").string());
    CHECK_FALSE(std::filesystem::exists(folder.path() / "positions.svg"));
  }
}

}  // namespace pliant::test
