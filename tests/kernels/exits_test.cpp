#include "kernels/exits.h"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "tests/support/compare.h"
#include "tests/support/contexts.h"

namespace pliant::test {

namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
using Measure = ConfidenceMeasure;
using Integers = std::vector<std::int32_t>;

template <class Body>
void on_every_backend(Body&& body) {
  body(cpu(), DType::f64);
  body(cpu(), DType::f32);
  for (const NamedContext& gpu : gpu_contexts()) {
    CAPTURE(gpu.name);
    body(*gpu.context, DType::f32);
  }
}

Tensor integers(Context& context, const Integers& values) {
  return Tensor::from_host<std::int32_t>(context, {static_cast<std::int64_t>(values.size())}, values);
}

struct Decision {
  std::vector<double> scores;
  Integers predictions;
};

Decision decide(Context& context, DType dtype, Measure measure, std::int64_t c, const std::vector<double>& logits) {
  const std::int64_t n = static_cast<std::int64_t>(logits.size()) / c;
  Tensor scores(context, {n}, dtype), predictions(context, {n}, DType::i32);
  kernels::confidence(make_tensor(context, {n, c}, dtype, logits), measure, scores, predictions);
  return {scores.to_doubles(), predictions.to_host<std::int32_t>()};
}

// Logits whose softmax these probabilities are.
std::vector<double> logs(std::vector<double> p) {
  for (double& value : p) value = std::log(value);
  return p;
}

std::vector<double> top_of_ten(double top) {
  std::vector<double> p(10, (1.0 - top) / 9.0);
  p[3] = top;
  return logs(p);
}

struct Lists {
  Integers kept, left;
  std::int32_t count;
};

Lists compact(Context& context, DType dtype, const std::vector<double>& scores, double threshold, bool below) {
  const auto n = static_cast<std::int64_t>(scores.size());
  Tensor kept(context, {n}, DType::i32), left(context, {n}, DType::i32), count(context, {1}, DType::i32);
  kernels::compact_rows(make_tensor(context, {n}, dtype, scores), threshold, below, kept, left, count);
  return {kept.to_host<std::int32_t>(), left.to_host<std::int32_t>(), count.to_host<std::int32_t>()[0]};
}

}  // namespace

TEST_CASE("confidence: entropies of the golden distributions") {
  on_every_backend([](Context& context, DType dtype) {
    const double limit = 1e-6;
    const auto entropy = [&](const std::vector<double>& logits) {
      return decide(context, dtype, Measure::entropy, static_cast<std::int64_t>(logits.size()), logits).scores[0];
    };
    CHECK(std::abs(entropy(logs({0.7, 0.2, 0.1})) - 0.8018185525) < limit);
    CHECK(std::abs(entropy(top_of_ten(0.9)) - 0.544805) < limit);
    CHECK(std::abs(entropy(top_of_ten(0.99)) - 0.0779738) < limit);
    CHECK(std::abs(entropy(top_of_ten(0.999)) - 0.0101045) < limit);
    for (const std::int64_t c : {1, 2, 10, 100}) {
      const double uniform = entropy(std::vector<double>(static_cast<std::size_t>(c), -3.25));
      CHECK(std::abs(uniform - std::log(static_cast<double>(c))) < limit);
    }
  });
}

TEST_CASE("confidence: a very sure row keeps the digits of its small entropy") {
  on_every_backend([](Context& context, DType dtype) {
    // p = (1, e^-20) / (1 + e^-20): to first order the entropy is 21 e^-20.
    const double score = decide(context, dtype, Measure::entropy, 2, {20.0, 0.0}).scores[0];
    CHECK(std::abs(score / (21.0 * std::exp(-20.0)) - 1.0) < 1e-5);
  });
}

TEST_CASE("confidence: logits of any size and minus infinity give finite scores") {
  on_every_backend([](Context& context, DType dtype) {
    const std::vector<double> logits = {1e30, -1e30, 0, -kInfinity, 5, -kInfinity, 1e30, 1e30, -1e30, 3e38, -3e38, -3e38};
    CHECK(decide(context, dtype, Measure::entropy, 3, logits).predictions == Integers{0, 1, 0, 0});
    const std::vector<double> entropy = decide(context, dtype, Measure::entropy, 3, logits).scores;
    const std::vector<double> probability = decide(context, dtype, Measure::max_probability, 3, logits).scores;
    const std::vector<double> margin = decide(context, dtype, Measure::margin, 3, logits).scores;
    for (const std::size_t row : {0, 1, 3}) {
      CHECK(entropy[row] == 0.0);
      CHECK(probability[row] == 1.0);
      CHECK(margin[row] == 1.0);
    }
    CHECK(std::abs(entropy[2] - std::log(2.0)) < 1e-6);
    CHECK(probability[2] == 0.5);
    CHECK(margin[2] == 0.0);
  });
}

TEST_CASE("confidence: probability and margin of a known distribution and of one class") {
  on_every_backend([](Context& context, DType dtype) {
    CHECK(std::abs(decide(context, dtype, Measure::max_probability, 3, logs({0.2, 0.7, 0.1})).scores[0] - 0.7) < 1e-6);
    CHECK(std::abs(decide(context, dtype, Measure::margin, 3, logs({0.2, 0.7, 0.1})).scores[0] - 0.5) < 1e-6);
    CHECK(decide(context, dtype, Measure::margin, 1, {4.0}).scores[0] == 1.0);
    CHECK(decide(context, dtype, Measure::margin, 3, {1, 2, 2}).predictions == Integers{1});
  });
}

TEST_CASE("confidence: NaN and infinity score NaN and never leave") {
  on_every_backend([](Context& context, DType dtype) {
    const double nan = std::nan("");
    for (const Measure measure : {Measure::entropy, Measure::max_probability, Measure::margin}) {
      for (const std::vector<double>& row : {std::vector<double>{nan, 1, 2}, {1, 2, nan}, {nan, nan, nan}, {kInfinity, 0, 0}}) {
        const std::vector<double> score = decide(context, dtype, measure, 3, row).scores;
        CHECK(std::isnan(score[0]));
        CHECK(compact(context, dtype, score, leaves_below(measure) ? kInfinity : -kInfinity, leaves_below(measure)).count == 1);
      }
      CHECK(std::isnan(decide(context, dtype, measure, 1, {nan}).scores[0]));
    }
  });
}

TEST_CASE("compact_rows: the comparison is strict and the lists are stable") {
  on_every_backend([](Context& context, DType dtype) {
    const std::vector<double> scores = {0.5, 0.25, 0.75, 0.5, 0.0};
    const Lists below = compact(context, dtype, scores, 0.5, true), above = compact(context, dtype, scores, 0.5, false);
    CHECK(below.count == 3);
    CHECK(below.kept == Integers{0, 2, 3, -1, -1});
    CHECK(below.left == Integers{1, 4, -1, -1, -1});
    CHECK(above.count == 4);
    CHECK(above.kept == Integers{0, 1, 3, 4, -1});
    CHECK(above.left == Integers{2, -1, -1, -1, -1});
    CHECK(compact(context, dtype, {0.0}, 0.0, true).count == 1);
    CHECK(compact(context, dtype, {}, 0.5, true).count == 0);
  });
}

TEST_CASE("compact_rows: thousands of rows over several chunks") {
  on_every_backend([](Context& context, DType dtype) {
    const std::vector<double> scores = random_values(3001, 8, 0.0, 1.0);
    const Lists lists = compact(context, dtype, scores, 0.4, false);
    Integers kept, left;
    for (std::int32_t i = 0; i < 3001; ++i) (scores[static_cast<std::size_t>(i)] > 0.4 ? left : kept).push_back(i);
    CHECK(lists.count == static_cast<std::int32_t>(kept.size()));
    kept.resize(3001, -1);
    left.resize(3001, -1);
    CHECK(lists.kept == kept);
    CHECK(lists.left == left);
  });
}

TEST_CASE("gather_rows: takes rows in the order of the index and zeros for minus one") {
  on_every_backend([](Context& context, DType dtype) {
    const Tensor x = make_tensor(context, {3, 2}, dtype, {1, 2, 3, 4, 5, 6});
    Tensor y(context, {4, 2}, dtype), none(context, {0, 2}, dtype);
    kernels::gather_rows(x, integers(context, {2, -1, 0, 2}), y);
    CHECK(y.to_doubles() == std::vector<double>{5, 6, 0, 0, 1, 2, 5, 6});
    kernels::gather_rows(x, integers(context, {}), none);
  });
}

TEST_CASE("scatter_rows: writes the named rows and leaves the others") {
  on_every_backend([](Context& context, DType dtype) {
    Tensor y = make_tensor(context, {4, 2}, dtype, {1, 1, 2, 2, 3, 3, 4, 4});
    kernels::scatter_rows(make_tensor(context, {3, 2}, dtype, {9, 8, 7, 6, 5, 4}), integers(context, {3, -1, 0}), y);
    CHECK(y.to_doubles() == std::vector<double>{5, 4, 2, 2, 3, 3, 9, 8});
    Tensor flat = integers(context, {10, 20, 30});
    kernels::scatter_rows(integers(context, {77}), integers(context, {1}), flat);
    CHECK(flat.to_host<std::int32_t>() == Integers{10, 77, 30});
  });
}

TEST_CASE("exits: tensors that do not fit are refused by name") {
  Context& context = cpu();
  const Tensor logits = make_tensor(context, {2, 3}, DType::f32, {1, 2, 3, 4, 5, 6});
  Tensor scores(context, {2}), wrong(context, {3}), numbers(context, {2}, DType::i32), more(context, {3}, DType::i32), one(context, {1}, DType::i32);
  CHECK_THROWS_WITH_AS(kernels::confidence(logits, Measure::entropy, wrong, numbers), doctest::Contains("confidence: scores must be f32 [2]"), ShapeError);
  CHECK_THROWS_WITH_AS(kernels::confidence(logits, Measure::entropy, scores, more), doctest::Contains("predictions must be i32 [2]"), ShapeError);
  CHECK_THROWS_AS(kernels::confidence(scores, Measure::entropy, scores, numbers), ShapeError);
  CHECK_THROWS_WITH_AS(kernels::compact_rows(scores, 0.5, true, more, numbers, one), doctest::Contains("compact_rows: kept must be i32 [2]"), ShapeError);
  CHECK_THROWS_AS(kernels::compact_rows(scores, 0.5, true, numbers, numbers, numbers), ShapeError);
  Tensor y(context, {2, 3}), narrow(context, {2, 2});
  CHECK_THROWS_WITH_AS(kernels::gather_rows(logits, integers(context, {0, 2}), y), "gather_rows: index[1] = 2 is outside -1..1", DataError);
  CHECK_THROWS_WITH_AS(kernels::scatter_rows(logits, integers(context, {-2, 0}), y), "scatter_rows: index[0] = -2 is outside -1..1", DataError);
  CHECK_THROWS_WITH_AS(kernels::gather_rows(logits, integers(context, {0, 1}), narrow), doctest::Contains("differ"), ShapeError);
  CHECK_THROWS_AS(kernels::gather_rows(logits, integers(context, {0}), y), ShapeError);
}

}  // namespace pliant::test
