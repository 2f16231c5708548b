#include "tests/support/data_files.h"

#include "core/check.h"
#include "train/data/image_file.h"

namespace pliant::test {
namespace {

template <class E>
std::string message_of(const DataOptions& options) {
  try {
    load_data(options);
  } catch (const E& error) {
    return error.what();
  }
  return "no error";
}

}  // namespace

std::uint8_t test_pixel(std::int64_t image, int y, int x, int c) {
  return static_cast<std::uint8_t>((image * 37 + y * 11 + x * 5 + c * 71 + x * y) & 0xFF);
}

bool holds_image(const Dataset& data, std::int64_t index, std::int64_t number) {
  const std::uint8_t* pixel = data.image(index);
  for (int y = 0; y < data.height; ++y) {
    for (int x = 0; x < data.width; ++x) {
      for (int c = 0; c < data.channels; ++c) {
        if (*pixel++ != test_pixel(number, y, x, c)) return false;
      }
    }
  }
  return true;
}

std::vector<std::uint8_t> cifar_records(std::int64_t first, std::int64_t records, int classes) {
  std::vector<std::uint8_t> bytes;
  for (std::int64_t i = first; i < first + records; ++i) {
    const auto label = static_cast<std::uint8_t>(i % classes);
    if (classes == 100) bytes.push_back(static_cast<std::uint8_t>(label / 5));
    bytes.push_back(label);
    for (int c = 0; c < 3; ++c) {
      for (int p = 0; p < 1024; ++p) bytes.push_back(test_pixel(i, p / 32, p % 32, c));
    }
  }
  return bytes;
}

void write_cifar10_files(const TemporaryFolder& folder, std::int64_t per_batch) {
  for (int batch = 0; batch < 5; ++batch) {
    folder.write(cat("data_batch_", batch + 1, ".bin"), cifar_records(batch * per_batch, per_batch, 10));
  }
  folder.write("test_batch.bin", cifar_records(5 * per_batch, per_batch, 10));
}

std::vector<std::uint8_t> idx_file(const std::vector<std::uint32_t>& sizes, const std::vector<std::uint8_t>& content) {
  std::vector<std::uint8_t> bytes{0, 0, 8, static_cast<std::uint8_t>(sizes.size())};
  for (const std::uint32_t size : sizes) {
    for (int shift = 24; shift >= 0; shift -= 8) bytes.push_back(static_cast<std::uint8_t>(size >> shift));
  }
  bytes.insert(bytes.end(), content.begin(), content.end());
  return bytes;
}

void write_mnist_files(const TemporaryFolder& folder, int train, int test, int side) {
  for (const bool first : {true, false}) {
    const int begin = first ? 0 : train, count = first ? train : test;
    std::vector<std::uint8_t> pixels, labels;
    for (int i = begin; i < begin + count; ++i) {
      labels.push_back(static_cast<std::uint8_t>(i % 10));
      for (int p = 0; p < side * side; ++p) pixels.push_back(test_pixel(i, p / side, p % side, 0));
    }
    const std::string prefix = first ? "train" : "t10k";
    const auto n = static_cast<std::uint32_t>(count), s = static_cast<std::uint32_t>(side);
    folder.write(prefix + "-images-idx3-ubyte", idx_file({n, s, s}, pixels));
    folder.write(prefix + "-labels-idx1-ubyte", idx_file({n}, labels));
  }
}

void write_image_folder(const TemporaryFolder& folder, const std::vector<std::string>& classes, int per_class,
                        int height, int width, int channels) {
  std::int64_t number = 0;
  for (const std::string part : {"train", "test"}) {
    for (const std::string& name : classes) {
      const auto below = folder / part / name;
      std::filesystem::create_directories(below);
      for (int i = 0; i < per_class; ++i, ++number) {
        Image image{height, width, channels, {}};
        for (int y = 0; y < height; ++y) {
          for (int x = 0; x < width; ++x) {
            for (int c = 0; c < channels; ++c) image.pixels.push_back(test_pixel(number, y, x, c));
          }
        }
        write_png(below / cat(1000 + i, ".png"), image);
      }
    }
  }
}

Splits load_whole(const std::string& source) {
  DataOptions options;
  options.source = source;
  options.validation = 0;
  return load_data(options);
}

std::string data_error(const DataOptions& options) { return message_of<DataError>(options); }

std::string data_error(const std::string& source) {
  DataOptions options;
  options.source = source;
  options.validation = 0;
  return data_error(options);
}

std::string config_error(const DataOptions& options) { return message_of<ConfigError>(options); }

}  // namespace pliant::test
