// Verify, stats and convert; and the real images where PLIANT_DATA names them.
#include <doctest/doctest.h>

#include <cmath>
#include <cstdlib>

#include "core/check.h"
#include "tests/support/data_files.h"
#include "train/data/md5.h"
#include "train/data/recognise.h"
#include "train/data/tools.h"

using namespace pliant;
using namespace pliant::test;

namespace {

std::string md5_of(const std::string& text) {
  return md5_hex(std::span(reinterpret_cast<const std::uint8_t*>(text.data()), text.size()));
}

DataOptions from(const std::string& source) {
  DataOptions options;
  options.source = source;
  return options;
}

// The folder of real images, or "" after saying that the test has nothing to run on.
std::string real_data() {
  const char* folder = std::getenv("PLIANT_DATA");
  if (!folder || !*folder) MESSAGE("PLIANT_DATA is not set: real images are not tested");
  return folder ? folder : "";
}

}  // namespace

TEST_CASE("md5: the test suite of RFC 1321") {
  CHECK(md5_of("") == "d41d8cd98f00b204e9800998ecf8427e");
  CHECK(md5_of("abc") == "900150983cd24fb0d6963f7d28e17f72");
  CHECK(md5_of("abcdefghijklmnopqrstuvwxyz") == "c3fcd3d76192e4007dfb496cca67e13b");
  CHECK(md5_of("12345678901234567890123456789012345678901234567890123456789012345678901234567890") ==
        "57edf4a22be3c955ac49da2e2107b67a");
}

TEST_CASE("data tools: verify counts and tells an own set from the official one") {
  TemporaryFolder folder;
  write_cifar10_files(folder, 10);
  const VerifyReport report = verify_data(from(folder.string()));
  CHECK(report.summary.name == "cifar10");
  CHECK(report.summary.format == "CIFAR-10 binary");
  CHECK(report.summary.parts[0].images == 50);
  CHECK(report.summary.parts[0].class_counts == std::vector<std::int64_t>(10, 5));
  CHECK(report.summary.parts[1].images == 10);
  CHECK(report.checksums.size() == 6);
  CHECK_FALSE(report.official());
  folder.write("data_batch_3.bin", "short");
  CHECK_THROWS_AS(verify_data(from(folder.string())), DataError);
}

TEST_CASE("data tools: verify refuses a damaged archive and unknown files") {
  TemporaryFolder folder;
  const auto archive = folder.write("cifar-10-binary.tar.gz", "half of it");
  CHECK_THROWS_WITH_AS(verify_data(from(archive.string())), doctest::Contains("c32a1d4ab5d03f1284b67883e8d87530"),
                       DataError);
  const auto other = folder.write("pictures.zip", "x");
  CHECK_THROWS_WITH_AS(verify_data(from(other.string())), doctest::Contains("pictures.zip"), DataError);
}

TEST_CASE("data tools: stats of a part") {
  TemporaryFolder folder;
  write_mnist_files(folder, 20, 10, 8);
  const DataSummary stats = data_stats(from(folder.string()));
  CHECK(stats.format == "MNIST IDX");
  CHECK(stats.channels == 1);
  double sum = 0;
  for (int i = 0; i < 20; ++i) {
    for (int p = 0; p < 64; ++p) sum += test_pixel(i, p / 8, p % 8, 0) / 255.0 / 20 / 64;
  }
  CHECK(stats.parts[0].normalisation.mean[0] == doctest::Approx(sum));
  CHECK(stats.parts[1].images == 10);
}

TEST_CASE("data tools: a converted colour folder reads back the same") {
  TemporaryFolder folder;
  const std::vector<std::string> names{"a", "b", "c", "d", "e", "f", "g", "h", "i", "j"};
  write_image_folder(folder, names, 3, 32, 32, 3);
  const std::string target = (folder / "converted").string();
  const ConvertReport report = convert_data(from(folder.string()), target);
  CHECK(report.format == "CIFAR-10 binary");
  CHECK(report.files.size() == 7);
  CHECK(report.train_images == 30);
  CHECK(report.test_images == 30);
  const Splits before = load_whole(folder.string()), after = load_whole(target);
  CHECK(after.train.name == "cifar10");
  CHECK(after.train.images == before.train.images);
  CHECK(after.train.labels == before.train.labels);
  CHECK(after.test.images == before.test.images);
  CHECK(after.train.class_names == names);
  CHECK_THROWS_WITH_AS(convert_data(from(folder.string()), target), doctest::Contains("not an empty folder"),
                       ConfigError);
}

TEST_CASE("data tools: a converted grey folder reads back the same") {
  TemporaryFolder folder;
  write_image_folder(folder, {"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"}, 2, 12, 12, 1);
  const std::string target = (folder / "converted").string();
  CHECK(convert_data(from(folder.string()), target).format == "MNIST IDX");
  const Splits before = load_whole(folder.string()), after = load_whole(target);
  CHECK(after.train.images == before.train.images);
  CHECK(after.test.labels == before.test.labels);
}

TEST_CASE("data tools: a set that no binary form fits is refused and leaves nothing behind") {
  TemporaryFolder folder;
  write_image_folder(folder, {"a", "b"}, 2, 32, 32, 3);
  const std::string target = (folder / "converted").string();
  CHECK_THROWS_WITH_AS(convert_data(from(folder.string()), target), doctest::Contains("of 2 classes"), ConfigError);
  CHECK_FALSE(std::filesystem::exists(target));
  CHECK_FALSE(std::filesystem::exists(target + ".partial"));
}

TEST_CASE("real data: cifar10 images") {
  const std::string source = real_data();
  if (source.empty()) return;
  DataOptions options = from(source);
  options.dataset = "cifar10";
  options.limit_train = 2000;
  options.limit_test = 500;
  options.validation = 1000;
  const Splits splits = load_data(options);
  CHECK(splits.train.class_names[0] == "airplane");
  CHECK(splits.train.class_names[9] == "truck");
  CHECK(class_counts(splits.train) == std::vector<std::int64_t>(10, 200));
  CHECK(class_counts(splits.validation) == std::vector<std::int64_t>(10, 100));
  CHECK(class_counts(splits.test) == std::vector<std::int64_t>(10, 50));
  const Normalisation published = *published_normalisation("cifar10");
  for (std::size_t c = 0; c < 3; ++c) CHECK(std::abs(splits.normalisation.mean[c] - published.mean[c]) < 0.02f);
}

TEST_CASE("real data: mnist images") {
  const std::string source = real_data();
  if (source.empty()) return;
  DataOptions options = from(source);
  options.dataset = "mnist";
  options.limit_train = 1000;
  options.limit_test = 200;
  options.validation = 500;
  const Splits splits = load_data(options);
  CHECK(splits.train.channels == 1);
  CHECK(splits.train.height == 28);
  CHECK(class_counts(splits.train) == std::vector<std::int64_t>(10, 100));
  const Normalisation published = *published_normalisation("mnist");
  CHECK(std::abs(splits.normalisation.mean[0] - published.mean[0]) < 0.01f);
  CHECK(std::abs(splits.normalisation.std[0] - published.std[0]) < 0.01f);
}
