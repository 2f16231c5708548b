#include "kernels/cross_entropy.h"

#include <doctest/doctest.h>

#include <cmath>

#include "layers/functional.h"
#include "tests/support/compare.h"
#include "tests/support/contexts.h"

namespace pliant::test {

namespace {

const std::vector<double> kLogits = {1.5, -0.25, 0.75, 0.0, -2.0, 3.0, 0.5, 1.0, 0.125, 0.25, -0.5, 2.0};

Tensor label_tensor(Context& context, const std::vector<std::int32_t>& labels) {
  return Tensor::from_host<std::int32_t>(context, {static_cast<std::int64_t>(labels.size())}, labels);
}

struct Result {
  double loss;
  std::vector<double> gradient;
};

Result loss_of(Context& context, DType dtype, Shape shape, const std::vector<double>& logits, const Targets& targets) {
  Tape tape;
  const Var z = tape.leaf(make_tensor(context, shape, dtype, logits));
  const Var loss = cross_entropy(z, targets);
  tape.backward(loss);
  return {loss.value.to_doubles()[0], tape.gradient(z).to_doubles()};
}

void check_result(const Result& actual, double loss, const std::vector<double>& gradient, double tolerance) {
  CHECK(std::abs(actual.loss - loss) <= tolerance);
  CHECK(difference(actual.gradient, gradient).relative <= tolerance);
}

struct Backend {
  Context& context;
  DType dtype;
  double tolerance;
};

template <class Body>
void on_every_backend(Body&& body) {
  body(Backend{cpu(), DType::f64, 1e-12});
  body(Backend{cpu(), DType::f32, 1e-6});
  for (const NamedContext& gpu : gpu_contexts()) {
    CAPTURE(gpu.name);
    body(Backend{*gpu.context, DType::f32, 1e-6});
  }
}

}  // namespace

TEST_CASE("cross_entropy: labels and smoothing equal PyTorch") {
  on_every_backend([](const Backend& on) {
    const Tensor labels = label_tensor(on.context, {2, 1, 0});
    check_result(loss_of(on.context, on.dtype, {3, 4}, kLogits, {labels, {}, {}, 0.0}), 1.265277938879114,
                 {0.17832266943408503, 0.030987833474171115, -0.24909966869717903, 0.039789165788922914,
                  0.0018347157091945588, -0.06103737887664473, 0.022351413046870494, 0.03685125012057974,
                  -0.29705898069027326, 0.04110422658348407, 0.019416261814325944, 0.23653849229246326},
                 on.tolerance);
    check_result(loss_of(on.context, on.dtype, {3, 4}, kLogits, {labels, {}, {}, 0.1}), 1.341319605545781,
                 {0.16998933610075173, 0.022654500140837787, -0.22409966869717907, 0.03145583245558958,
                  -0.006498617624138774, -0.03603737887664467, 0.014018079713537168, 0.028517916787246418,
                  -0.27205898069027323, 0.03277089325015075, 0.011082928480992618, 0.22820515895913},
                 on.tolerance);
  });
}

TEST_CASE("cross_entropy: target distributions equal PyTorch") {
  on_every_backend([](const Backend& on) {
    const Tensor targets = make_tensor(on.context, {3, 4}, on.dtype, {.1, .2, .3, .4, 0, .5, .5, 0, 1, 0, 0, 0});
    check_result(loss_of(on.context, on.dtype, {3, 4}, kLogits, {{}, targets, {}, 0.0}), 1.8236112722124476,
                 {0.1449893361007517, -0.03567883319249555, -0.0157663353638457, -0.09354416754441042,
                  0.0018347157091945588, 0.10562928779002193, -0.14431525361979616, 0.03685125012057974,
                  -0.29705898069027326, 0.04110422658348407, 0.019416261814325944, 0.23653849229246326},
                 on.tolerance);
  });
}

TEST_CASE("cross_entropy: a weight of zero removes a sample and the mean still divides by N") {
  on_every_backend([](const Backend& on) {
    const Tensor weights = make_tensor(on.context, {3}, on.dtype, {0.0, 3.0, 0.0});
    const Result all =
        loss_of(on.context, on.dtype, {3, 4}, kLogits, {label_tensor(on.context, {2, 1, 0}), {}, weights, 0.0});
    CHECK(std::abs(all.loss - 0.20225344767935155) <= on.tolerance);
    for (const std::size_t i : {0, 1, 2, 3, 8, 9, 10, 11}) CHECK(all.gradient[i] == 0.0);
  });
}

TEST_CASE("cross_entropy: huge logits neither overflow nor lose the loss") {
  on_every_backend([](const Backend& on) {
    const Tensor labels = label_tensor(on.context, {0, 1, 2});
    const Result huge =
        loss_of(on.context, on.dtype, {3, 3}, {1e4, -1e4, 0, 1e4, -1e4, 0, 10000, 10000, 10000}, {labels, {}, {}, 0.0});
    CHECK(std::abs(huge.loss - (0.0 + 2e4 + std::log(3.0)) / 3.0) <= 1e-6 * 2e4);
    CHECK(difference(huge.gradient, {0, 0, 0, 1.0 / 3, -1.0 / 3, 0, 1.0 / 9, 1.0 / 9, -2.0 / 9}).relative <=
          on.tolerance);
    const Result equal =
        loss_of(on.context, on.dtype, {1, 2}, {1e4, 1e4}, {label_tensor(on.context, {0}), {}, {}, 0.0});
    CHECK(std::abs(equal.loss - std::log(2.0)) <= on.tolerance);
  });
}

TEST_CASE("cross_entropy: a class at minus infinity that no target names costs nothing") {
  on_every_backend([](const Backend& on) {
    const double infinity = std::numeric_limits<double>::infinity();
    const Tensor targets = make_tensor(on.context, {1, 3}, on.dtype, {0.5, 0.5, 0.0});
    const Result result = loss_of(on.context, on.dtype, {1, 3}, {1.0, 1.0, -infinity}, {{}, targets, {}, 0.0});
    CHECK(std::abs(result.loss - std::log(2.0)) <= on.tolerance);
    CHECK(result.gradient[2] == 0.0);
  });
}

TEST_CASE("cross_entropy: a label out of range makes its own sample NaN and no other") {
  on_every_backend([](const Backend& on) {
    for (const std::int32_t wrong : {-1, 4, 1 << 30}) {
      const Tensor z = make_tensor(on.context, {3, 4}, on.dtype, kLogits),
                   labels = label_tensor(on.context, {2, wrong, 0});
      Tensor losses(on.context, {3}, on.dtype), p = Tensor::like(z), dz = Tensor::like(z);
      kernels::softmax_cross_entropy_forward(z, labels, {}, {}, 0.1, losses, p);
      kernels::softmax_cross_entropy_backward(losses, p, labels, {}, {}, 0.1, dz);
      const std::vector<double> loss = losses.to_doubles(), gradient = dz.to_doubles();
      for (std::size_t i = 0; i < 3; ++i) CHECK(std::isnan(loss[i]) == (i == 1));
      for (std::size_t i = 0; i < 12; ++i) CHECK(std::isnan(gradient[i]) == (i / 4 == 1));
    }
  });
}

TEST_CASE("softmax: rows sum to one and NaN stays visible") {
  on_every_backend([](const Backend& on) {
    Tensor p(on.context, {2, 3}, on.dtype);
    kernels::softmax(make_tensor(on.context, {2, 3}, on.dtype, {0.0, std::log(2.0), 0.0, 1.0, std::nan(""), 0.0}), p);
    const std::vector<double> values = p.to_doubles();
    CHECK(difference({values[0], values[1], values[2]}, {0.25, 0.5, 0.25}).relative <= on.tolerance);
    for (std::size_t i = 3; i < 6; ++i) CHECK(std::isnan(values[i]));
  });
}

TEST_CASE("cross_entropy: what does not fit is refused") {
  const Tensor z = random_tensor(cpu(), {3, 4}, DType::f32, 1);
  const Tensor labels = label_tensor(cpu(), {2, 1, 0});
  const Tensor soft = Tensor::like(z);
  CHECK_THROWS_WITH_AS(cross_entropy({z}, {}),
                       "softmax_cross_entropy: give labels or target distributions, one of the two", ShapeError);
  CHECK_THROWS_AS(cross_entropy({z}, {labels, soft, {}, 0.0}), ShapeError);
  CHECK_THROWS_AS(cross_entropy({z}, {label_tensor(cpu(), {1}), {}, {}, 0.0}), ShapeError);
  CHECK_THROWS_AS(cross_entropy({z}, {labels, {}, Tensor(cpu(), {4}), 0.0}), ShapeError);
  CHECK_THROWS_AS(cross_entropy({z}, {labels, {}, {}, 1.5}), ConfigError);
  CHECK_THROWS_AS(cross_entropy({z}, {{}, soft, {}, 0.1}), ConfigError);
  CHECK_THROWS_AS(cross_entropy({Tensor(cpu(), {0, 4})}, {Tensor(cpu(), {0}, DType::i32), {}, {}, 0.0}), ShapeError);
}

}  // namespace pliant::test
