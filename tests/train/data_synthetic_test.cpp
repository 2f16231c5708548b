// The synthetic set: reproducible, balanced, and without a mean picture that a linear classifier could use.
#include <doctest/doctest.h>

#include <cmath>

#include "core/check.h"
#include "train/data/synthetic.h"

using namespace pliant;

namespace {

// The share of test images whose nearest class-mean picture (by inner product after centring: the linear template) is
// right.
double template_accuracy(const Dataset& train, const Dataset& test) {
  const auto size = static_cast<std::size_t>(train.image_bytes());
  std::vector<double> centre(size, 0.0);
  std::vector<std::vector<double>> means(static_cast<std::size_t>(train.classes), std::vector<double>(size, 0.0));
  const auto counts = class_counts(train);
  for (std::int64_t i = 0; i < train.size(); ++i) {
    const auto k = static_cast<std::size_t>(train.labels[static_cast<std::size_t>(i)]);
    for (std::size_t p = 0; p < size; ++p) {
      means[k][p] += train.image(i)[p] / static_cast<double>(counts[k]);
      centre[p] += train.image(i)[p] / static_cast<double>(train.size());
    }
  }
  int right = 0;
  for (std::int64_t i = 0; i < test.size(); ++i) {
    std::size_t best = 0;
    double best_score = -INFINITY;
    for (std::size_t k = 0; k < means.size(); ++k) {
      double score = 0, norm = 0;
      for (std::size_t p = 0; p < size; ++p) {
        score += (test.image(i)[p] - centre[p]) * (means[k][p] - centre[p]);
        norm += (means[k][p] - centre[p]) * (means[k][p] - centre[p]);
      }
      score -= norm / 2;
      if (score > best_score) best_score = score, best = k;
    }
    right += test.labels[static_cast<std::size_t>(i)] == static_cast<std::int32_t>(best);
  }
  return static_cast<double>(right) / static_cast<double>(test.size());
}

}  // namespace

TEST_CASE("synthetic: the same bytes for every thread count and other bytes for another seed or part") {
  SyntheticOptions options;
  options.train = options.test = 60;
  const Dataset one = make_synthetic(options, SyntheticPart::train, 1),
                many = make_synthetic(options, SyntheticPart::train, 4);
  CHECK(one.images == many.images);
  CHECK(one.labels == many.labels);
  CHECK(class_counts(one) == std::vector<std::int64_t>(10, 6));
  CHECK(one.class_names.size() == 10);
  CHECK(make_synthetic(options, SyntheticPart::test).images != one.images);
  options.train = 30;  // image i does not depend on how many there are
  const Dataset fewer = make_synthetic(options, SyntheticPart::train);
  CHECK(std::equal(fewer.images.begin(), fewer.images.end(), one.images.begin()));
  options.seed = 2;
  CHECK(make_synthetic(options, SyntheticPart::train).images != fewer.images);
}

TEST_CASE("synthetic: other shapes") {
  SyntheticOptions options;
  options.train = options.test = 8;
  options.height = options.width = 28;
  options.channels = 1;
  options.classes = 4;
  const Dataset grey = make_synthetic(options, SyntheticPart::test);
  CHECK(grey.images.size() == 8u * 28 * 28);
  CHECK(grey.classes == 4);
  CHECK(compute_normalisation(grey).std[0] > 0.05f);
}

TEST_CASE("synthetic: templates stay near chance") {
  SyntheticOptions options;
  options.train = 2000;
  options.test = 500;
  const double accuracy =
      template_accuracy(make_synthetic(options, SyntheticPart::train), make_synthetic(options, SyntheticPart::test));
  CHECK(accuracy < 0.25);  // 10 classes; the bound on linear classifiers is 0.6
}

TEST_CASE("synthetic: impossible shapes are refused") {
  const auto refused = [](auto change) {
    SyntheticOptions options;
    change(options);
    CHECK_THROWS_AS(make_synthetic(options, SyntheticPart::train), ConfigError);
  };
  refused([](SyntheticOptions& o) { o.height = 7; });
  refused([](SyntheticOptions& o) { o.width = 2000; });
  refused([](SyntheticOptions& o) { o.channels = 2; });
  refused([](SyntheticOptions& o) { o.classes = 11; });
  refused([](SyntheticOptions& o) { o.classes = 1; });
  refused([](SyntheticOptions& o) { o.train = 9; });
}
