// The validation split, balanced subsets, options, and the mean and deviation.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>

#include "core/check.h"
#include "tests/support/data_files.h"
#include "train/data/split.h"

using namespace pliant;
using namespace pliant::test;

namespace {

std::vector<std::int64_t> counts_of(const std::vector<std::int64_t>& chosen, const std::vector<std::int32_t>& labels,
                                    int classes) {
  std::vector<std::int64_t> counts(static_cast<std::size_t>(classes), 0);
  for (const std::int64_t i : chosen) ++counts[static_cast<std::size_t>(labels[static_cast<std::size_t>(i)])];
  return counts;
}

DataOptions small_synthetic() {
  DataOptions options;
  options.source = "synthetic";
  options.synthetic.train = 200;
  options.synthetic.test = 50;
  options.synthetic.height = options.synthetic.width = 8;
  return options;
}

}  // namespace

TEST_CASE("split: every sample is in one part and classes keep their proportions") {
  std::vector<std::int32_t> labels(60, 0);
  labels.insert(labels.end(), 30, 1);
  labels.insert(labels.end(), 11, 2);
  const SplitIndices split = hold_out(labels, 3, 20, 7);
  CHECK(counts_of(split.chosen, labels, 3) == std::vector<std::int64_t>{12, 6, 2});
  CHECK(std::is_sorted(split.chosen.begin(), split.chosen.end()));
  CHECK(std::is_sorted(split.rest.begin(), split.rest.end()));
  std::set<std::int64_t> all(split.chosen.begin(), split.chosen.end());
  all.insert(split.rest.begin(), split.rest.end());
  CHECK(all.size() == labels.size());
  CHECK(split.chosen.size() + split.rest.size() == labels.size());
  CHECK(hold_out(labels, 3, 20, 7).chosen == split.chosen);
  CHECK(hold_out(labels, 3, 20, 8).chosen != split.chosen);
  CHECK(hold_out(labels, 3, 20, 7 + (std::uint64_t{1} << 32)).chosen != split.chosen);
  CHECK(hold_out(labels, 3, 0, 7).rest.size() == labels.size());
  CHECK(hold_out(labels, 3, 101, 7).rest.empty());
}

TEST_CASE("split: a subset is as equal as class sizes allow and grows by adding") {
  std::vector<std::int32_t> labels(50, 0);
  labels.insert(labels.end(), 50, 1);
  labels.insert(labels.end(), 4, 2);
  std::vector<std::int64_t> all(labels.size());
  std::iota(all.begin(), all.end(), std::int64_t{0});
  CHECK(counts_of(balanced_subset(labels, all, 3, 9, 1), labels, 3) == std::vector<std::int64_t>{3, 3, 3});
  CHECK(counts_of(balanced_subset(labels, all, 3, 10, 1), labels, 3) == std::vector<std::int64_t>{4, 3, 3});
  CHECK(counts_of(balanced_subset(labels, all, 3, 24, 1), labels, 3) == std::vector<std::int64_t>{10, 10, 4});
  CHECK(balanced_subset(labels, all, 3, 0, 1) == all);
  CHECK(balanced_subset(labels, all, 3, 1000, 1) == all);
  const auto small = balanced_subset(labels, all, 3, 12, 1), large = balanced_subset(labels, all, 3, 40, 1);
  CHECK(std::includes(large.begin(), large.end(), small.begin(), small.end()));
  CHECK(balanced_subset(labels, all, 3, 12, 2) != small);
}

TEST_CASE("split: the limit comes after the validation part") {
  DataOptions options = small_synthetic();
  options.validation = 40;
  const Splits all = load_data(options);
  options.limit_train = 30;
  options.limit_test = 20;
  const Splits limited = load_data(options);
  CHECK(all.train.size() == 160);
  CHECK(limited.train.size() == 30);
  CHECK(limited.test.size() == 20);
  CHECK(limited.validation.images == all.validation.images);
  CHECK(class_counts(limited.train) == std::vector<std::int64_t>(10, 3));
  CHECK(class_counts(limited.test) == std::vector<std::int64_t>(10, 2));
  CHECK(class_counts(limited.validation) == std::vector<std::int64_t>(10, 4));
  for (const int threads : {1, 3}) {
    options.threads = threads;
    const Splits again = load_data(options);
    CHECK(again.train.images == limited.train.images);
    CHECK(again.train.labels == limited.train.labels);
    CHECK(again.test.images == limited.test.images);
  }
  options.seed = 1;
  CHECK(load_data(options).train.images != limited.train.images);
}

TEST_CASE("split: sizes of the validation part") {
  DataOptions options = small_synthetic();
  CHECK(load_data(options).validation.size() == 20);  // a tenth
  options.validation = 0.25;
  CHECK(load_data(options).validation.size() == 50);
  options.validation = 0;
  CHECK(load_data(options).validation.size() == 0);
  options.validation = 1;
  CHECK(load_data(options).validation.size() == 1);
  for (const double wrong : {200.0, 1e12, 1.5, std::nan("")}) {
    options.validation = wrong;
    CHECK(config_error(options).find("validation") != std::string::npos);
  }
}

TEST_CASE("split: other wrong options are refused") {
  DataOptions options = small_synthetic();
  options.limit_train = -1;
  CHECK(config_error(options).find("limits of -1") != std::string::npos);
  options = small_synthetic();
  options.resize = -3;
  CHECK(config_error(options).find("resize to -3") != std::string::npos);
  options = small_synthetic();
  options.coarse_labels = true;
  CHECK(config_error(options).find("coarse") != std::string::npos);
  options = small_synthetic();
  options.normalisation = NormalisationKind::published;
  CHECK(config_error(options).find("no published mean") != std::string::npos);
}

TEST_CASE("normalisation: mean and deviation of the training part alone") {
  Dataset data{.name = "x",
               .height = 1,
               .width = 2,
               .channels = 3,
               .classes = 2,
               .class_names = {"a", "b"},
               .images = {0, 10, 255, 255, 10, 255, 0, 30, 255, 255, 30, 255},
               .labels = {0, 1}};
  const Normalisation measured = compute_normalisation(data);
  CHECK(measured.mean[0] == doctest::Approx(0.5));
  CHECK(measured.std[0] == doctest::Approx(0.5));
  CHECK(measured.mean[1] == doctest::Approx(20.0 / 255));
  CHECK(measured.std[1] == doctest::Approx(10.0 / 255));
  CHECK(measured.mean[2] == doctest::Approx(1.0));
  CHECK(measured.std[2] == 1.0f);  // constant
  data.images.clear();
  data.labels.clear();
  CHECK_THROWS_AS(compute_normalisation(data), DataError);
  DataOptions options = small_synthetic();
  options.limit_train = 10;
  const Splits splits = load_data(options);
  CHECK(splits.normalisation.mean == compute_normalisation(splits.train).mean);
  CHECK(splits.normalisation.mean != compute_normalisation(splits.test).mean);
}

TEST_CASE("normalisation: published constants where a recipe asks for them") {
  TemporaryFolder folder;
  write_cifar10_files(folder, 2);
  DataOptions options;
  options.source = folder.string();
  options.normalisation = NormalisationKind::published;
  CHECK(load_data(options).normalisation.mean == std::vector<float>{0.4914f, 0.4822f, 0.4465f});
  CHECK(load_data(options).normalisation.std == std::vector<float>{0.2023f, 0.1994f, 0.2010f});
}

TEST_CASE("data: binary sets are resized on request") {
  TemporaryFolder folder;
  write_cifar10_files(folder, 2);
  DataOptions options;
  options.source = folder.string();
  options.validation = 0;
  options.resize = 48;
  const Splits splits = load_data(options);
  CHECK(splits.train.height == 48);
  CHECK(splits.train.width == 48);
  CHECK(splits.train.images.size() == 10u * 48 * 48 * 3);
}
