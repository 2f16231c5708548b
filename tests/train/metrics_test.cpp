#include "train/metrics.h"

#include <doctest/doctest.h>

#include "core/check.h"
#include "tests/train/file_helpers.h"

using namespace pliant;
using namespace pliant::test;

namespace {

MetricsRow row_of(std::int64_t epoch) {
  const auto e = static_cast<double>(epoch);
  MetricsRow row;
  row.epoch = epoch;
  row.step = 391 * epoch;
  row.learning_rate = 0.1 / (e + 2);
  row.train_loss = 2.3 / (e + 1);
  row.train_accuracy = 1.0 / 3;
  row.validation_loss = 1e-7 * e;
  row.validation_accuracy = 0.5;
  row.images_per_second = 1234.5;
  row.seconds = 40.25;
  return row;
}

std::string refusal(const TemporaryFolder& folder, const std::string& content) {
  write_all(file_in(folder, "bad.csv"), content);
  MetricsColumns columns;
  return message_of<FileError>([&] { read_metrics(file_in(folder, "bad.csv"), columns); });
}

}  // namespace

TEST_CASE("metrics: rows are written as CSV and read back exactly") {
  TemporaryFolder folder;
  const std::string path = file_in(folder, "metrics.csv");
  MetricsFile file = MetricsFile::create(path, {});
  CHECK(read_all(path) == "epoch,step,learning_rate,train_loss,train_accuracy,validation_loss,validation_accuracy,"
                          "images_per_second,seconds\n");
  file.append(row_of(1));
  MetricsRow without_validation = row_of(2);
  without_validation.validation_loss = without_validation.validation_accuracy = std::nullopt;
  file.append(without_validation);
  const std::string text = read_all(path);
  CHECK(text.find("2,782,0.025,0.7666666666666666,0.3333333333333333,,,1234.5,40.25\n") != std::string::npos);
  MetricsColumns columns{.test = true};
  CHECK(read_metrics(path, columns) == std::vector<MetricsRow>{row_of(1), without_validation});
  CHECK(columns == MetricsColumns{});
}

TEST_CASE("metrics: the test columns exist when asked for") {
  TemporaryFolder folder;
  MetricsFile file = MetricsFile::create(file_in(folder, "metrics.csv"), {.test = true});
  MetricsRow row = row_of(1);
  row.test_loss = 0.25;
  row.test_accuracy = 0.75;
  file.append(row);
  MetricsColumns columns;
  CHECK(read_metrics(file_in(folder, "metrics.csv"), columns) == std::vector<MetricsRow>{row});
  CHECK(columns == MetricsColumns{.test = true});
  CHECK_THROWS_AS(MetricsFile::resume(file_in(folder, "metrics.csv"), {}, 1), ConfigError);
}

TEST_CASE("metrics: top-5 columns stand behind their accuracies and an older file goes on with them") {
  TemporaryFolder folder;
  const std::string path = file_in(folder, "metrics.csv");
  MetricsRow row = row_of(1);
  row.train_top5 = 0.5;
  row.validation_top5 = 0.75;
  row.test_loss = row.test_accuracy = row.test_top5 = 1.0;
  MetricsFile::create(path, {.test = true, .top5 = true}).append(row);
  CHECK(read_all(path).starts_with("epoch,step,learning_rate,train_loss,train_accuracy,train_top5_accuracy,validation_loss,validation_accuracy,"
                                   "validation_top5_accuracy,test_loss,test_accuracy,test_top5_accuracy,images_per_second,seconds\n1,391,"));
  MetricsColumns columns;
  CHECK(read_metrics(path, columns) == std::vector<MetricsRow>{row});
  CHECK(columns == MetricsColumns{.test = true, .top5 = true});
  MetricsFile::create(path, {}).append(row_of(1));
  CHECK(MetricsFile::resume(path, {.top5 = true}, 1).rows() == std::vector<MetricsRow>{row_of(1)});
  read_metrics(path, columns);
  CHECK(columns == MetricsColumns{.top5 = true});
}

TEST_CASE("metrics: a resumed file equals an uninterrupted one") {
  TemporaryFolder folder;
  MetricsFile whole = MetricsFile::create(file_in(folder, "whole.csv"), {});
  for (std::int64_t epoch = 1; epoch <= 5; ++epoch) whole.append(row_of(epoch));
  MetricsFile first = MetricsFile::create(file_in(folder, "parts.csv"), {});
  for (std::int64_t epoch = 1; epoch <= 4; ++epoch) first.append(row_of(epoch));
  MetricsFile second = MetricsFile::resume(file_in(folder, "parts.csv"), {}, 2);
  CHECK(second.rows().size() == 2);
  for (std::int64_t epoch = 3; epoch <= 5; ++epoch) second.append(row_of(epoch));
  CHECK(read_all(file_in(folder, "parts.csv")) == read_all(file_in(folder, "whole.csv")));
  CHECK(MetricsFile::resume(file_in(folder, "new.csv"), {}, 2).rows().empty());
}

TEST_CASE("metrics: malformed files name the line") {
  TemporaryFolder folder;
  MetricsFile::create(file_in(folder, "metrics.csv"), {}).append(row_of(1));
  const std::string good = read_all(file_in(folder, "metrics.csv"));
  const std::string header = good.substr(0, good.find('\n') + 1);
  CHECK(refusal(folder, "").find("bad.csv:1: expected the columns epoch,step") != std::string::npos);
  CHECK(refusal(folder, "epoch,loss\n1,2\n").find("got 'epoch,loss'") != std::string::npos);
  CHECK(refusal(folder, header + "1,2,3\n").find("bad.csv:2: fewer fields") != std::string::npos);
  CHECK(refusal(folder, header + "1,2,3,4,5,6,7,8,9,10\n").find("bad.csv:2: more fields") != std::string::npos);
  CHECK(refusal(folder, good + "2,x,3,4,5,6,7,8,9\n").find("bad.csv:3: expected a number, got 'x'") !=
        std::string::npos);
  CHECK(refusal(folder, good + "1,2,3,4,5,6,7,8,9\n").find("bad.csv:3: the epochs do not increase") !=
        std::string::npos);
  CHECK(refusal(folder, good + "\n").find("bad.csv:3") != std::string::npos);
}
