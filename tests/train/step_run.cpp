#include "tests/train/step_run.h"

#include <doctest/doctest.h>

namespace pliant::test {

void check_equal(const StepRun& a, const StepRun& b) {
  CHECK(bit_equal(a.net.store->values(), b.net.store->values()));
  CHECK(bit_equal(a.net.store->buffers(), b.net.store->buffers()));
  REQUIRE(static_cast<bool>(a.net.store->compute_copy()) == static_cast<bool>(b.net.store->compute_copy()));
  if (a.net.store->compute_copy()) CHECK(bit_equal(a.net.store->compute_copy(), b.net.store->compute_copy()));
  CHECK(bit_equal(a.net.store->gradients(), b.net.store->gradients()));
  CHECK(bit_equal(a.loss, b.loss));
  CHECK(bit_equal(a.correct, b.correct));
  for (std::size_t i = 0; i < a.step.optimizer().arenas().size(); ++i) {
    CHECK(bit_equal(a.step.optimizer().arenas()[i].values, b.step.optimizer().arenas()[i].values));
  }
  CHECK(a.step.optimizer().steps() == b.step.optimizer().steps());
  CHECK(a.step.counts().gradient_sums == b.step.counts().gradient_sums);
}

}  // namespace pliant::test
