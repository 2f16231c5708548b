#include "train/cost.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "nets/compact.h"
#include "tests/support/contexts.h"
#include "tests/support/tiny_net.h"

namespace pliant::test {

namespace {

const CostRow& row_named(const CostTable& table, const std::string& name) {
  for (const CostRow& row : table.rows) {
    if (row.name == name && row.parameters > 0) return row;
  }
  throw UsageError("no row " + name);
}

Net masked_resnet() {
  Net net = make_net(cpu(), tiny_resnet(), DType::f32);
  keep_channels(cpu(), DType::f32, *net.store->find_axis("layer1.0.conv1"), {0, 2});
  keep_channels(cpu(), DType::f32, *net.store->find_axis("layer3"), {1, 2, 5});
  return net;
}

constexpr TimingOptions kBrief{.least = 2, .most = 2};

}  // namespace

TEST_CASE("cost: a plain net has nothing to remove and every scalar is effective") {
  const Net net = make_net(cpu(), tiny_resnet(), DType::f32);
  const CostReport report = count_cost(net);
  const NetCost expected = cost(net);
  CHECK_FALSE(report.removed.has_value());
  CHECK(report.given.total.parameters == expected.parameters);
  CHECK(report.given.total.macs == expected.macs);
  CHECK(report.given.total.effective_parameters == expected.parameters);
  CHECK(report.given.total.effective_macs == expected.macs);
  std::int64_t bytes = 0;
  for (const CostRow& row : report.given.rows) bytes += row.memory_bytes;
  CHECK(bytes == report.given.total.memory_bytes);  // every parameter and buffer has its layer
  std::int64_t scalars = 0;
  for (const Parameter& parameter : net.store->parameters()) scalars += parameter.shape().size();
  CHECK(bytes == 4 * scalars);
  CHECK(report.given.total.activation_bytes == 4 * 4 * 8 * 8);  // four channels of 8 x 8
  CHECK(explain(report).empty());
}

TEST_CASE("cost: effective counts of a masked net are those of the smaller one") {
  const Net net = masked_resnet();
  const Net smaller = compact(net);
  const CostReport report = count_cost(net);
  REQUIRE(report.removed.has_value());
  CHECK(report.removed->total.parameters == cost(smaller).parameters);
  CHECK(report.removed->total.macs == cost(smaller).macs);
  CHECK(report.given.total.parameters == cost(net).parameters);
  CHECK(report.given.total.effective_parameters == cost(smaller).parameters);
  CHECK(report.given.total.effective_macs == cost(smaller).macs);
  CHECK(row_named(report.given, "layer1.0.conv1").effective_macs == row_named(report.given, "layer1.0.conv1").macs / 2);
  CHECK(row_named(report.given, "layer1.0.bn1").effective_parameters == 4);
  CHECK(report.given.total.file_bytes > report.removed->total.file_bytes);
}

TEST_CASE("cost: zeros of weights and masks of parameters do not count by hand") {
  NetDescription d = default_description("lenet5");
  Net net = make_net(cpu(), d, DType::f32);
  const CostRow whole = count_cost(net).given.total;
  Parameter& filter = *net.store->find("conv1.weight");
  std::vector<float> values = filter.value.to_host<float>();
  std::fill(values.begin(), values.end(), 1.0f);
  values[0] = values[7] = 0.0f;
  filter.value.write(values.data());
  std::vector<float> mask(values.size(), 1.0f);
  mask[7] = mask[9] = mask[11] = 0.0f;  // the first is zero anyway
  filter.mask = Tensor::from_host(cpu(), filter.shape(), mask);
  const CostReport report = count_cost(net);
  const CostRow& row = row_named(report.given, "conv1");
  CHECK_FALSE(report.removed.has_value());
  CHECK(row.effective_parameters == row.parameters - 4);
  const std::int64_t positions = row.macs / filter.shape().size();
  CHECK(row.effective_macs == row.macs - 4 * positions);
  CHECK(report.given.total.effective_parameters == whole.parameters - 4);
  CHECK(report.zero_weights == 4);
  CHECK(report.given.total.file_bytes == whole.file_bytes + filter.shape().size());
  CHECK(report.given.total.memory_bytes == whole.memory_bytes + 4 * filter.shape().size());
  const std::vector<std::string> notes = explain(report);
  REQUIRE(notes.size() == 1);
  CHECK(notes[0].find("do not skip zeros") != std::string::npos);
}

TEST_CASE("cost: a branch with a factor of zero is not effective and removal takes it") {
  NetDescription d = tiny_resnet();
  d.block_scales = true;
  Net net = make_net(cpu(), d, DType::f32);
  for (Parameter& parameter : net.store->parameters()) {
    if (parameter.role != Role::block_scale) continue;
    parameter.value.write(std::vector<float>{0.0f}.data());
    break;
  }
  const CostReport report = count_cost(net);
  REQUIRE(report.removed.has_value());
  CHECK(row_named(report.given, "layer1.0.conv1").effective_macs == 0);
  CHECK(report.given.total.effective_macs == report.removed->total.macs);
}

TEST_CASE("cost: times are measured for every batch of the net as it is and removed and without masks") {
  const Net net = masked_resnet();
  const CostReport report = measure_cost(net, {1, 3}, kBrief);
  REQUIRE(report.given.batches.size() == 2);
  REQUIRE(report.removed->batches.size() == 2);
  REQUIRE(report.unmasked.size() == 2);
  for (const auto* list : {&report.given.batches, &report.removed->batches, &report.unmasked}) {
    for (const BatchCost& one : *list) {
      CHECK(one.time.median_ms > 0.0);
      CHECK(one.time.p90_ms >= one.time.median_ms);
      CHECK(one.working_bytes >= one.largest_activation_bytes);
    }
    CHECK((*list)[1].largest_activation_bytes == 3 * (*list)[0].largest_activation_bytes);
  }
  for (const CostRow& row : report.given.rows) CHECK(row.median_ms.has_value() == (row.macs > 0));
  for (const CostRow& row : report.removed->rows) CHECK(row.median_ms.has_value() == (row.macs > 0));
  const std::vector<std::string> notes = explain(report);
  REQUIRE(notes.size() >= 3);
  CHECK(notes[0].find("Only removal takes them away") != std::string::npos);
  CHECK(notes[2].find("batch 3: masked") == 0);
  CHECK_THROWS_AS(measure_cost(net, {0}, kBrief), UsageError);
}

}  // namespace pliant::test
