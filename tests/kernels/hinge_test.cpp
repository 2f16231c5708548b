#include "kernels/hinge.h"

#include <doctest/doctest.h>

#include <cmath>

#include "layers/functional.h"
#include "tests/support/backends.h"
#include "tests/support/compare.h"

namespace pliant::test {

namespace {

Tensor label_tensor(Context& context, const std::vector<std::int32_t>& labels) {
  return Tensor::from_host<std::int32_t>(context, {static_cast<std::int64_t>(labels.size())}, labels);
}

}  // namespace

TEST_CASE("squared_hinge: losses and gradients equal the formula evaluated by hand") {
  on_every_backend([](Context& context, DType dtype, double tolerance) {
    Tape tape;
    const Var z = tape.leaf(make_tensor(context, {2, 3}, dtype, {1.5, -0.25, -2.0, 0.5, 0.75, 0.0}));
    const Tensor labels = label_tensor(context, {0, 1});
    Tensor losses(context, {2}, dtype);
    kernels::squared_hinge_forward(z.value, labels, losses);
    // Margins: label 0: 0 (beyond 1), 0.75, 0 (below -1). Label 1: 1.5, 0.25, 1.
    CHECK(difference(losses.to_doubles(), {0.5625, 2.25 + 0.0625 + 1.0}).relative <= tolerance);
    const Var loss = squared_hinge(z, labels);
    tape.backward(loss);
    CHECK(std::abs(loss.value.to_doubles()[0] - (0.5625 + 3.3125) / 2) <= 4 * tolerance);
    CHECK(difference(tape.gradient(z).to_doubles(), {0.0, 0.75, 0.0, 1.5, -0.25, 1.0}).relative <= tolerance);
  });
}

TEST_CASE("squared_hinge: logits beyond their margins cost nothing and have no gradient") {
  on_every_backend([](Context& context, DType dtype, double) {
    const Tensor z = make_tensor(context, {1, 4}, dtype, {-1.0, -1e30, 1.0, -7.0}), labels = label_tensor(context, {2});
    Tensor losses(context, {1}, dtype), dz = Tensor::like(z);
    kernels::squared_hinge_forward(z, labels, losses);
    CHECK(losses.to_doubles()[0] == 0.0);
    const Tensor ones = make_tensor(context, {1}, dtype, {1.0});
    kernels::squared_hinge_backward(ones, z, labels, dz);
    for (const double slope : dz.to_doubles()) CHECK(slope == 0.0);
  });
}

TEST_CASE("squared_hinge: a label out of range and a NaN logit make their own sample NaN and no other") {
  on_every_backend([](Context& context, DType dtype, double) {
    for (const std::int32_t wrong : {-1, 2, 1 << 30}) {
      const Tensor z = make_tensor(context, {3, 2}, dtype, {0.5, 0.25, 1.0, 2.0, std::nan(""), 3.0});
      const Tensor labels = label_tensor(context, {0, wrong, 0}), dlosses = make_tensor(context, {3}, dtype, {1, 1, 1});
      Tensor losses(context, {3}, dtype), dz = Tensor::like(z);
      kernels::squared_hinge_forward(z, labels, losses);
      kernels::squared_hinge_backward(dlosses, z, labels, dz);
      const std::vector<double> loss = losses.to_doubles(), gradient = dz.to_doubles();
      for (std::size_t i = 0; i < 3; ++i) CHECK(std::isnan(loss[i]) == (i != 0));
      for (std::size_t i = 0; i < 6; ++i) CHECK(std::isnan(gradient[i]) == (i == 2 || i == 3 || i == 4));
    }
  });
}

TEST_CASE("squared_hinge: what does not fit is refused") {
  const Tensor z = random_tensor(cpu(), {3, 4}, DType::f32, 1), labels = label_tensor(cpu(), {2, 1, 0});
  Tensor losses(cpu(), {3}), wrong(cpu(), {4}), dz = Tensor::like(z);
  CHECK_THROWS_WITH_AS(kernels::squared_hinge_forward(z, label_tensor(cpu(), {1}), losses),
                       "squared_hinge_forward: labels must be i32 [3], got i32 [1] on cpu", ShapeError);
  CHECK_THROWS_AS(kernels::squared_hinge_forward(z, labels, wrong), ShapeError);
  CHECK_THROWS_AS(kernels::squared_hinge_forward(losses, labels, losses), ShapeError);
  CHECK_THROWS_WITH_AS(kernels::squared_hinge_backward(wrong, z, labels, dz),
                       "squared_hinge_backward: dlosses must be f32 [3], got f32 [4] on cpu", ShapeError);
  CHECK_THROWS_AS(kernels::squared_hinge_backward(losses, z, labels, wrong), ShapeError);
  CHECK_THROWS_WITH_AS(squared_hinge({Tensor(cpu(), {0, 4})}, label_tensor(cpu(), {})),
                       "squared_hinge: expected logits [N, C] of at least one sample, got f32 [0, 4] on cpu", ShapeError);
}

}  // namespace pliant::test
