#include "train/data/idx.h"

#include "core/check.h"
#include "train/data/bytes.h"

namespace pliant {
namespace {

constexpr std::uint32_t kImageMagic = 0x803, kLabelMagic = 0x801;
constexpr int kClasses = 10;

const char* stem(IdxFile file) {
  static constexpr const char* kStems[] = {"train-images", "train-labels", "t10k-images", "t10k-labels"};
  return kStems[static_cast<int>(file)];
}

const char* kind(IdxFile file) {
  return file == IdxFile::train_images || file == IdxFile::test_images ? "idx3-ubyte" : "idx1-ubyte";
}

void append_big_endian(std::vector<std::uint8_t>& bytes, std::int64_t value) {
  for (int shift = 24; shift >= 0; shift -= 8) bytes.push_back(static_cast<std::uint8_t>(value >> shift));
}

// The file's bytes; sizes receives the header's dimensions, which the rest of the file is checked against.
std::vector<std::uint8_t> read_idx(const std::filesystem::path& folder, IdxFile file,
                                   std::vector<std::int64_t>& sizes) {
  const auto found = find_idx(folder, file);
  PLIANT_REQUIRE(DataError, found, (folder / cat(stem(file), "-", kind(file))).string(),
                 ": no such file, nor with a dot or .gz");
  const std::string name = found->string();
  std::vector<std::uint8_t> bytes = read_data_file(*found);
  const std::uint32_t magic = sizes.size() == 3 ? kImageMagic : kLabelMagic;
  const std::size_t header = 4 + 4 * sizes.size();
  PLIANT_REQUIRE(DataError, bytes.size() >= header, name, ": ", bytes.size(), " bytes, expected a header of ", header);
  PLIANT_REQUIRE(DataError, big_endian(bytes.data()) == magic, name, ": begins with ", big_endian(bytes.data()),
                 ", expected ", magic, " (an IDX file of ", sizes.size(), " dimensions)");
  for (std::size_t d = 0; d < sizes.size(); ++d) {
    sizes[d] = big_endian(bytes.data() + 4 + 4 * d);
    PLIANT_REQUIRE(DataError, sizes[d] > 0, name, ": size ", d, " in the header is 0, expected images");
    PLIANT_REQUIRE(DataError, d == 0 || sizes[d] <= 4096, name, ": images of side ", sizes[d],
                   ", expected at most 4096");
  }
  std::int64_t expected = 1;
  for (const std::int64_t size : sizes) expected *= size;
  const std::int64_t actual = static_cast<std::int64_t>(bytes.size() - header);
  PLIANT_REQUIRE(DataError, actual == expected, name, ": ", actual, " bytes after the header, expected ", expected,
                 actual < expected ? "; the file is truncated" : "; the file is too long");
  return bytes;
}

Dataset read_part(const std::filesystem::path& folder, IdxFile images, IdxFile labels) {
  std::vector<std::int64_t> shape(3), count(1);
  std::vector<std::uint8_t> pixels = read_idx(folder, images, shape);
  const std::vector<std::uint8_t> classes = read_idx(folder, labels, count);
  PLIANT_REQUIRE(DataError, shape[0] == count[0], find_idx(folder, labels)->string(), ": ", count[0],
                 " labels, expected ", shape[0], ", as many as images");
  pixels.erase(pixels.begin(), pixels.begin() + 16);
  Dataset data{.name = "mnist",
               .height = static_cast<int>(shape[1]),
               .width = static_cast<int>(shape[2]),
               .channels = 1,
               .classes = kClasses,
               .class_names = {},
               .images = std::move(pixels),
               .labels = {}};
  for (int k = 0; k < kClasses; ++k) data.class_names.push_back(std::to_string(k));
  for (std::int64_t i = 0; i < count[0]; ++i) {
    const int label = classes[static_cast<std::size_t>(8 + i)];
    PLIANT_REQUIRE(DataError, label < kClasses, find_idx(folder, labels)->string(), ": label ", label, " at position ",
                   i, ", expected 0 to ", kClasses - 1);
    data.labels.push_back(label);
  }
  return data;
}

void write_part(const Dataset& data, const std::filesystem::path& folder, IdxFile images, IdxFile labels) {
  std::vector<std::uint8_t> bytes;
  for (const std::int64_t value :
       {std::int64_t{kImageMagic}, data.size(), std::int64_t{data.height}, std::int64_t{data.width}}) {
    append_big_endian(bytes, value);
  }
  bytes.insert(bytes.end(), data.images.begin(), data.images.end());
  write_data_file(folder / cat(stem(images), "-", kind(images)), bytes);
  bytes.clear();
  append_big_endian(bytes, kLabelMagic);
  append_big_endian(bytes, data.size());
  for (const std::int32_t label : data.labels) bytes.push_back(static_cast<std::uint8_t>(label));
  write_data_file(folder / cat(stem(labels), "-", kind(labels)), bytes);
}

}  // namespace

std::optional<std::filesystem::path> find_idx(const std::filesystem::path& folder, IdxFile file) {
  for (const char* ending : {"", ".gz"}) {
    for (const char* separator : {"-", "."}) {
      const std::filesystem::path path = folder / cat(stem(file), separator, kind(file), ending);
      std::error_code failed;
      if (std::filesystem::is_regular_file(path, failed)) return path;
    }
  }
  return std::nullopt;
}

TrainTest read_mnist(const std::filesystem::path& folder) {
  TrainTest data{read_part(folder, IdxFile::train_images, IdxFile::train_labels),
                 read_part(folder, IdxFile::test_images, IdxFile::test_labels)};
  PLIANT_REQUIRE(DataError, data.train.height == data.test.height && data.train.width == data.test.width,
                 find_idx(folder, IdxFile::test_images)->string(), ": images of ", data.test.height, "x",
                 data.test.width, ", expected ", data.train.height, "x", data.train.width, " like the training images");
  return data;
}

void write_mnist(const TrainTest& data, const std::filesystem::path& folder) {
  const Dataset& train = data.train;
  PLIANT_REQUIRE(ConfigError, train.channels == 1 && train.classes == kClasses, train.name, ": ", train.channels,
                 " channels and ", train.classes, " classes, expected 1 and 10 for the IDX form");
  for (int k = 0; k < kClasses; ++k) {
    PLIANT_REQUIRE(ConfigError, train.class_names[static_cast<std::size_t>(k)] == std::to_string(k), train.name,
                   ": class ", k, " is named ", train.class_names[static_cast<std::size_t>(k)],
                   ", but the IDX form keeps no names and expects the digits 0 to 9");
  }
  PLIANT_REQUIRE(ConfigError, train.size() > 0 && data.test.size() > 0, train.name, ": ", train.size(),
                 " training and ", data.test.size(), " test images, expected at least one of each for the IDX form");
  write_part(train, folder, IdxFile::train_images, IdxFile::train_labels);
  write_part(data.test, folder, IdxFile::test_images, IdxFile::test_labels);
}

}  // namespace pliant
