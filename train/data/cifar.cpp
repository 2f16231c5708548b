#include "train/data/cifar.h"

#include <algorithm>
#include <sstream>

#include "core/check.h"
#include "train/data/bytes.h"

namespace pliant {
namespace {

constexpr int kSide = 32, kChannels = 3, kPlane = kSide * kSide, kPixels = kPlane * kChannels;

struct RecordLayout {
  int label_bytes, label_at, classes;
};

void append_records(Dataset& data, const std::filesystem::path& path, const RecordLayout& layout) {
  const std::int64_t record = layout.label_bytes + kPixels;
  const std::vector<std::uint8_t> bytes = read_data_file(path);
  const std::int64_t size = static_cast<std::int64_t>(bytes.size());
  PLIANT_REQUIRE(DataError, size > 0, path.string(), ": empty, expected records of ", record, " bytes");
  PLIANT_REQUIRE(DataError, size % record == 0, path.string(), ": ", size,
                 " bytes, expected a whole number of records of ", record, " bytes (", size / record, " records are ",
                 size / record * record, "); the file is truncated or of another format");
  const std::size_t before = data.images.size();
  data.images.resize(before + static_cast<std::size_t>(size / record * kPixels));
  std::uint8_t* pixel = data.images.data() + before;
  for (std::int64_t i = 0; i < size / record; ++i) {
    const std::uint8_t* from = bytes.data() + i * record;
    const int label = from[layout.label_at];
    PLIANT_REQUIRE(DataError, label < layout.classes, path.string(), ": record ", i, " has label ", label,
                   ", expected 0 to ", layout.classes - 1);
    data.labels.push_back(label);
    from += layout.label_bytes;
    for (int p = 0; p < kPlane; ++p) {
      for (int c = 0; c < kChannels; ++c) *pixel++ = from[c * kPlane + p];
    }
  }
}

// One name a line, blank lines left out; defaults where there is no file.
std::vector<std::string> read_names(const std::filesystem::path& path, std::vector<std::string> defaults) {
  std::error_code failed;
  if (!std::filesystem::exists(path, failed)) return defaults;
  const std::vector<std::uint8_t> bytes = read_data_file(path, 1 << 20);
  std::istringstream text(std::string(bytes.begin(), bytes.end()));
  std::vector<std::string> names;
  for (std::string line; std::getline(text, line);) {
    while (!line.empty() && (line.back() == '\r' || line.back() == ' ')) line.pop_back();
    if (!line.empty()) names.push_back(line);
  }
  PLIANT_REQUIRE(DataError, names.size() == defaults.size(), path.string(), ": ", names.size(),
                 " class names, expected ", defaults.size());
  return names;
}

Dataset empty_set(const char* name, std::vector<std::string> class_names) {
  const int classes = static_cast<int>(class_names.size());
  return {.name = name,
          .height = kSide,
          .width = kSide,
          .channels = kChannels,
          .classes = classes,
          .class_names = std::move(class_names),
          .images = {},
          .labels = {}};
}

std::vector<std::uint8_t> to_records(const Dataset& data, std::int64_t begin, std::int64_t end) {
  std::vector<std::uint8_t> bytes;
  bytes.reserve(static_cast<std::size_t>((end - begin) * (1 + kPixels)));
  for (std::int64_t i = begin; i < end; ++i) {
    bytes.push_back(static_cast<std::uint8_t>(data.labels[static_cast<std::size_t>(i)]));
    for (int c = 0; c < kChannels; ++c) {
      for (int p = 0; p < kPlane; ++p) bytes.push_back(data.image(i)[p * kChannels + c]);
    }
  }
  return bytes;
}

}  // namespace

TrainTest read_cifar10(const std::filesystem::path& folder) {
  const RecordLayout layout{.label_bytes = 1, .label_at = 0, .classes = 10};
  const Dataset empty =
      empty_set("cifar10", read_names(folder / "batches.meta.txt", {"airplane", "automobile", "bird", "cat", "deer",
                                                                    "dog", "frog", "horse", "ship", "truck"}));
  TrainTest data{empty, empty};
  for (int batch = 1; batch <= 5; ++batch)
    append_records(data.train, folder / cat("data_batch_", batch, ".bin"), layout);
  append_records(data.test, folder / "test_batch.bin", layout);
  return data;
}

TrainTest read_cifar100(const std::filesystem::path& folder, bool coarse) {
  const RecordLayout layout{.label_bytes = 2, .label_at = coarse ? 0 : 1, .classes = coarse ? 20 : 100};
  std::vector<std::string> numbers;
  for (int k = 0; k < layout.classes; ++k) numbers.push_back(std::to_string(k));
  const Dataset empty =
      empty_set("cifar100", read_names(folder / (coarse ? "coarse_label_names.txt" : "fine_label_names.txt"), numbers));
  TrainTest data{empty, empty};
  append_records(data.train, folder / "train.bin", layout);
  append_records(data.test, folder / "test.bin", layout);
  return data;
}

void write_cifar10(const TrainTest& data, const std::filesystem::path& folder) {
  const Dataset& train = data.train;
  PLIANT_REQUIRE(ConfigError,
                 train.height == kSide && train.width == kSide && train.channels == kChannels && train.classes == 10,
                 train.name, ": ", train.height, "x", train.width, "x", train.channels, " images of ", train.classes,
                 " classes, expected 32x32x3 of 10 for the CIFAR-10 form");
  PLIANT_REQUIRE(ConfigError, train.size() >= 5 && data.test.size() >= 1, train.name, ": ", train.size(),
                 " training and ", data.test.size(), " test images, expected at least 5 and 1 for the CIFAR-10 form");
  for (int batch = 0; batch < 5; ++batch) {
    const auto begin = train.size() * batch / 5, end = train.size() * (batch + 1) / 5;
    write_data_file(folder / cat("data_batch_", batch + 1, ".bin"), to_records(train, begin, end));
  }
  write_data_file(folder / "test_batch.bin", to_records(data.test, 0, data.test.size()));
  std::string names;
  for (const std::string& name : train.class_names) names += name + "\n";
  write_data_file(folder / "batches.meta.txt", {reinterpret_cast<const std::uint8_t*>(names.data()), names.size()});
}

}  // namespace pliant
