// The order of samples in an epoch.
#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>

#include "core/check.h"
#include "train/data/batches.h"

using namespace pliant;

namespace {

std::vector<std::int32_t> copy(std::span<const std::int32_t> indices) { return {indices.begin(), indices.end()}; }

}  // namespace

TEST_CASE("epoch order: a permutation of its own for every seed and epoch") {
  const EpochOrder order(1000, 128, 5, 3);
  std::vector<std::int32_t> sorted = copy(order.indices());
  CHECK_FALSE(std::is_sorted(sorted.begin(), sorted.end()));
  std::sort(sorted.begin(), sorted.end());
  for (int i = 0; i < 1000; ++i) REQUIRE(sorted[static_cast<std::size_t>(i)] == i);
  CHECK(copy(EpochOrder(1000, 128, 5, 3).indices()) == copy(order.indices()));
  CHECK(copy(EpochOrder(1000, 64, 5, 3).indices()) == copy(order.indices()));
  CHECK(copy(EpochOrder(1000, 128, 5, 4).indices()) != copy(order.indices()));
  CHECK(copy(EpochOrder(1000, 128, 6, 3).indices()) != copy(order.indices()));
}

TEST_CASE("epoch order: the last batch is kept or dropped") {
  const EpochOrder kept(10, 4, 0, 0), dropped(10, 4, 0, 0, LastBatch::drop);
  CHECK(kept.batches() == 3);
  CHECK(kept.samples() == 10);
  CHECK(kept.batch(2).size() == 2);
  CHECK(dropped.batches() == 2);
  CHECK(dropped.samples() == 8);
  CHECK(copy(dropped.batch(1)) == copy(kept.batch(1)));
  CHECK(copy(kept.batch(1)) == copy(kept.indices().subspan(4, 4)));
  CHECK(EpochOrder(8, 4, 0, 0).batches() == 2);
  CHECK(EpochOrder(3, 4, 0, 0, LastBatch::drop).batches() == 0);
  CHECK(EpochOrder(0, 4, 0, 0).batches() == 0);
}

TEST_CASE("epoch order: evaluation goes in order") {
  const EpochOrder order = EpochOrder::in_order(5, 2);
  CHECK(copy(order.batch(0)) == std::vector<std::int32_t>{0, 1});
  CHECK(copy(order.batch(2)) == std::vector<std::int32_t>{4});
}

TEST_CASE("epoch order: places are close to uniform") {
  // Where sample 0 lands over 4000 epochs: each of 10 places 400 times expected, standard deviation 19.
  std::vector<int> places(10, 0);
  for (std::uint32_t epoch = 0; epoch < 4000; ++epoch) {
    const std::vector<std::int32_t> order = copy(EpochOrder(10, 10, 9, epoch).indices());
    ++places[static_cast<std::size_t>(std::find(order.begin(), order.end(), 0) - order.begin())];
  }
  for (const int count : places) CHECK(std::abs(count - 400) < 95);
}

TEST_CASE("epoch order: impossible sizes are refused") {
  CHECK_THROWS_AS(EpochOrder(10, 0, 0, 0), ConfigError);
  CHECK_THROWS_AS(EpochOrder(-1, 4, 0, 0), ConfigError);
  CHECK_THROWS_AS(EpochOrder(std::int64_t{1} << 31, 4, 0, 0), ConfigError);
}
