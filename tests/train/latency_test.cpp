#include "train/latency.h"

#include <doctest/doctest.h>

#include "nets/widths.h"
#include "tests/support/contexts.h"
#include "tests/support/tiny_net.h"

namespace pliant::test {

namespace {

Net slimmable_with_exits() {
  NetDescription d = tiny_resnet();
  d.exits = {2, 5};
  add_widths(d, {0.5, 1.0}, WidthRounding::truncate, WidthStatistics::switchable);
  return make_net(cpu(), d, DType::f32);
}

LatencyRow row(double width, int exit, double ms, std::int64_t macs) {
  LatencyRow row;
  row.width = width;
  row.exit = exit;
  row.median_ms = row.p90_ms = ms;
  row.macs = macs;
  return row;
}

}  // namespace

TEST_CASE("latency: parts are every width and exit and nothing deeper counts") {
  const Net net = slimmable_with_exits();
  const std::vector<Part> parts = parts_of(net);
  REQUIRE(parts.size() == 6);
  CHECK(parts[0].width == 1.0);
  CHECK(parts[5].width == 0.5);
  CHECK(parts[5].exit == 2);
  CHECK(parts[0].macs < parts[1].macs);
  CHECK(parts[3].macs < parts[0].macs);
  CHECK(parts[2].macs < cost(net).macs);  // without the heads of the earlier exits
  CHECK(parts_of(net, 1, 0).size() == 1);
}

TEST_CASE("latency: runs take turns and their quantiles are ordered") {
  std::vector<int> order;
  const std::vector<Timing> times = time_in_turns(cpu(), {[&] { order.push_back(0); }, [&] { order.push_back(1); }}, {.least = 3, .most = 3});
  CHECK(order == std::vector<int>{0, 1, 1, 0, 0, 1, 1, 0, 0, 1});
  for (const Timing& timing : times) CHECK(timing.median_ms <= timing.p90_ms);
}

TEST_CASE("latency: a measured table survives its file form and rows that are damaged are refused") {
  const Net net = slimmable_with_exits();
  LatencyTable table{"resnet20", "cpu", 2, measure_latency(net, parts_of(net), {1, 3}, true, {.least = 2, .most = 2})};
  REQUIRE(table.rows.size() == 12);
  table.rows[0].accuracy = 0.5;
  for (const LatencyRow& one : table.rows) {
    CHECK(one.median_ms > 0.0);
    CHECK(*one.plain_ms > 0.0);
  }
  const LatencyTable again = latency_table_from_json(to_json(table));
  CHECK(again.rows[11].batch == 3);
  CHECK(to_json(again) == to_json(table));
  CHECK_THROWS_AS(latency_table_from_json("[]"), FileError);
  CHECK_THROWS_WITH_AS(latency_table_from_json(R"({"net":"a","device":"cpu","threads":1,"rows":[{"width":1}]})"), doctest::Contains("exit"), FileError);
}

TEST_CASE("latency: the controller takes the most accurate part within the budget or else the largest") {
  const Net net = slimmable_with_exits();
  LatencyTable table{"resnet20", "cpu", 1, {row(1.0, 2, 8.0, 100), row(1.0, 0, 4.0, 60), row(0.5, 2, 3.0, 40), row(0.5, 0, 1.0, 10)}};
  const WidthController largest(net, table);
  CHECK(largest.choose(9.0).row.macs == 100);
  CHECK(largest.choose(4.0).row.macs == 60);
  CHECK(largest.choose(3.9).select.width == 1);
  CHECK(largest.choose(3.9).select.skipped_exits == only_exit(net, 2).skipped_exits);
  CHECK_THROWS_WITH_AS(largest.choose(0.5), doctest::Contains("takes 1 ms"), ConfigError);
  for (const auto& [i, accuracy] : {std::pair{0u, 0.9}, std::pair{1u, 0.6}, std::pair{2u, 0.7}, std::pair{3u, 0.5}}) table.rows[i].accuracy = accuracy;
  CHECK(WidthController(net, table).choose(5.0).row.macs == 40);
  CHECK_THROWS_AS(WidthController(net, table, 16), ConfigError);
  table.rows[0].width = 0.3;
  CHECK_THROWS_AS(WidthController(net, table), UsageError);
}

TEST_CASE("latency: switching between parts builds nothing and allocates nothing") {
  Context context(Device::cpu);
  NetDescription d = tiny_resnet();
  d.exits = {2, 5};
  add_widths(d, {0.5, 1.0}, WidthRounding::truncate, WidthStatistics::switchable);
  const Net net = make_net(context, d, DType::f32);
  const Tensor images = Tensor::zeros(context, {1, 8, 8, 3});
  LatencyTable table{"resnet20", "cpu", 1, {}};
  for (const Part& part : parts_of(net)) table.rows.push_back(row(part.width, part.exit, static_cast<double>(part.macs), part.macs));
  const WidthController controller(net, table);
  const auto run_all = [&] {
    for (const LatencyRow& one : table.rows) {
      Pass pass{.context = context, .select = controller.choose(one.median_ms).select};
      CHECK(forward(net, pass, Var{images}).size() == 1);
    }
  };
  run_all();  // also makes the index tables of every width, which stay
  run_all();
  const std::int64_t requests = context.pool().counters().driver_allocations;
  const std::size_t live = context.pool().counters().live_bytes;
  run_all();
  // Under the address sanitizer every request reaches the heap.
  if (context.pool().caches()) CHECK(context.pool().counters().driver_allocations == requests);
  CHECK(context.pool().counters().live_bytes == live);
}

}  // namespace pliant::test
