// The arithmetic of times. Of the times themselves nothing is asserted but that they belong together.
#include "train/bench/measure.h"

#include <doctest/doctest.h>

#include "tests/support/contexts.h"

namespace pliant::test {

TEST_CASE("measure: the time is the median of the quiet samples") {
  const CallTime time = summarise({{5.0, false}, {1.0, true}, {3.0, true}, {9.0, false}, {2.0, true}, {7.0, false}}, 3);
  CHECK(time.seconds == 2.0);
  CHECK(time.quiet == 3);
  CHECK(time.samples == 6);
}

TEST_CASE("measure: where too few samples are quiet the fastest stand for them") {
  const CallTime time = summarise({{5.0, false}, {3.0, false}, {8.0, true}, {7.0, false}, {4.0, false}}, 3);
  CHECK(time.seconds == 4.0);
  CHECK(time.quiet == 1);
  CHECK(time.samples == 5);
  CHECK(summarise({{8.0, true}}, 5).seconds == 8.0);  // one long call is all there is
  CHECK_THROWS_AS(summarise({}, 5), UsageError);
}

TEST_CASE("measure: short calls are timed several in a row and at least the least samples are taken") {
  Context& context = cpu();
  int calls = 0;
  const CallTime time = time_call(context, [&] { ++calls; }, {.seconds = 0.01, .sample_seconds = 1e-4, .least = 3});
  CHECK(time.samples >= 3);
  CHECK(time.quiet <= time.samples);
  CHECK(calls >= 2 + time.samples);
  CHECK(time.seconds > 0.0);
}

TEST_CASE("measure: the rate of a copy is measured once per size and context") {
  Context context(Device::cpu, {.threads = 1});
  const double rate = copy_rate(context, 65536.0);
  CHECK(rate > 0.0);
  CHECK(copy_rate(context, 65536.0) == rate);
  for (const NamedContext& gpu : gpu_contexts()) CHECK(copy_rate(*gpu.context, 4096.0) > 0.0);
}

TEST_CASE("measure: the rate of a product is measured once per context") {
  Context context(Device::cpu);
  const double rate = product_rate(context);
  CHECK(rate > 1e6);
  CHECK(product_rate(context) == rate);
}

}  // namespace pliant::test
