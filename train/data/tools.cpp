#include "train/data/tools.h"

#include <algorithm>
#include <filesystem>
#include <span>

#include "core/check.h"
#include "train/data/bytes.h"
#include "train/data/cifar.h"
#include "train/data/idx.h"
#include "train/data/md5.h"
#include "train/data/published.h"
#include "train/data/recognise.h"

namespace pliant {
namespace {

namespace fs = std::filesystem;

// What the archive of CIFAR-10 holds.
const std::vector<PublishedFile> kCifar10Files = {
    {"data_batch_1.bin", "5dd7e06a14cb22eb9f671a540d1b7c25"}, {"data_batch_2.bin", "5ea93a67294ea407fff1d09f752e9692"},
    {"data_batch_3.bin", "942cd6a4bcdd0dd3c604fbe906cb4421"}, {"data_batch_4.bin", "ae636b3ba5c66a11e91e8cb52e771fcb"},
    {"data_batch_5.bin", "53f37980c15c3d472c316c40844f3f0d"}, {"test_batch.bin", "803d5f7f4d78ea53de84dbe85f74fb6d"},
};

std::vector<ChecksumResult> compare(const fs::path& folder, std::span<const PublishedFile> known) {
  std::vector<ChecksumResult> results;
  std::error_code failed;
  for (const PublishedFile& file : known) {
    const fs::path path = folder / file.name;
    if (fs::is_regular_file(path, failed)) results.push_back({path.string(), file.md5, md5_hex(read_raw_file(path))});
  }
  return results;
}

DataOptions whole(DataOptions options) {
  options.validation = 0;
  options.limit_train = options.limit_test = 0;
  options.normalisation = NormalisationKind::computed;
  return options;
}

PartSummary summarise_part(const char* part, const Dataset& data) {
  return {part, data.size(), class_counts(data), compute_normalisation(data)};
}

VerifyReport verify_archive(const fs::path& path) {
  std::string names;
  for (const PublishedSet& set : published_sets()) {
    if (!set.archived) continue;
    const PublishedFile& known = set.files.front();
    names += cat(" or ", known.name);
    if (path.filename() != known.name) continue;
    VerifyReport report;
    report.checksums.push_back({path.string(), known.md5, md5_hex(read_raw_file(path))});
    const ChecksumResult& sum = report.checksums.back();
    PLIANT_REQUIRE(DataError, sum.matches(), sum.file, ": MD5 ", sum.actual, ", expected ", sum.expected,
                   "; the archive is incomplete or damaged, fetch it again");
    return report;
  }
  throw DataError(cat(path.string(), ": a file with no known check sum, expected a data folder", names));
}

DataSummary summarise(const DataOptions& options, const Splits& splits) {
  DataSummary summary{.name = splits.train.name,
                      .format = "synthetic",
                      .folder = "",
                      .height = splits.train.height,
                      .width = splits.train.width,
                      .channels = splits.train.channels,
                      .class_names = splits.train.class_names,
                      .parts = {summarise_part("train", splits.train), summarise_part("test", splits.test)}};
  if (options.source != "synthetic") {
    const FoundData found = choose_data(options.source, options.dataset);
    summary.format = format_name(found.format);
    summary.folder = found.folder.string();
  }
  return summary;
}

std::vector<std::string> names_in(const fs::path& folder) {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder)) names.push_back(entry.path().filename().string());
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace

bool VerifyReport::official() const {
  return !checksums.empty() &&
         std::all_of(checksums.begin(), checksums.end(), [](const auto& sum) { return sum.matches(); });
}

DataSummary data_stats(const DataOptions& options) { return summarise(options, load_data(whole(options))); }

VerifyReport verify_data(const DataOptions& options) {
  std::error_code failed;
  if (fs::is_regular_file(options.source, failed)) return verify_archive(options.source);
  VerifyReport report{.summary = data_stats(options), .checksums = {}};
  if (options.source == "synthetic") return report;
  const FoundData found = choose_data(options.source, options.dataset);
  if (found.format == DataFormat::cifar10_binary) report.checksums = compare(found.folder, kCifar10Files);
  if (found.format == DataFormat::mnist_idx) report.checksums = compare(found.folder, published_set("mnist").files);
  return report;
}

ConvertReport convert_data(const DataOptions& options, const std::string& destination) {
  const fs::path target(destination), partial(destination + ".partial");
  std::error_code failed;
  PLIANT_REQUIRE(ConfigError, !fs::exists(target, failed) || fs::is_empty(target, failed), destination,
                 ": exists and is not an empty folder; name another one");
  Splits splits = load_data(whole(options));
  const TrainTest data{std::move(splits.train), std::move(splits.test)};
  const bool grey = data.train.channels == 1;
  ConvertReport report{.format = format_name(grey ? DataFormat::mnist_idx : DataFormat::cifar10_binary),
                       .folder = destination,
                       .files = {},
                       .train_images = data.train.size(),
                       .test_images = data.test.size()};
  fs::remove_all(partial, failed);
  PLIANT_REQUIRE(FileError, fs::create_directories(partial, failed), partial.string(),
                 ": cannot be created: ", failed.message());
  try {
    grey ? write_mnist(data, partial) : write_cifar10(data, partial);
  } catch (...) {
    fs::remove_all(partial, failed);
    throw;
  }
  report.files = names_in(partial);
  fs::rename(partial, target, failed);
  PLIANT_REQUIRE(FileError, !failed, destination, ": cannot be created: ", failed.message());
  return report;
}

}  // namespace pliant
