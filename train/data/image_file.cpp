#include "train/data/image_file.h"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <cstdlib>
#include <memory>
#include <string>

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-function"
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"
#define STBI_ONLY_PNG
#define STBI_ONLY_JPEG
#define STBI_NO_STDIO
#define STBI_MAX_DIMENSIONS 16384
// Zeros where a damaged scan ends early, instead of what the memory held.
#define STBI_MALLOC(bytes) std::calloc(1, bytes)
#define STBI_REALLOC(block, bytes) std::realloc(block, bytes)
#define STBI_FREE(block) std::free(block)
#define STB_IMAGE_STATIC
#define STB_IMAGE_IMPLEMENTATION
#include <stb/stb_image.h>
#define STB_IMAGE_WRITE_STATIC
#define STB_IMAGE_WRITE_IMPLEMENTATION
#include <stb/stb_image_write.h>
#pragma GCC diagnostic pop

#include "core/check.h"
#include "train/data/bytes.h"
#include "train/data/image_checks.h"

namespace pliant {
namespace {

constexpr std::int64_t kMaxFile = std::int64_t{1} << 30;

// Weights of the source positions that make up one position of the result, along one side.
struct Taps {
  int first;
  std::vector<float> weights;
};

// The result has `to` positions, a centred cut of the source scaled by `scale` (result over source).
std::vector<Taps> make_taps(int from, int to, double scale) {
  const double reach = std::max(1.0, 1.0 / scale), offset = (from * scale - to) / 2;
  std::vector<Taps> taps;
  for (int i = 0; i < to; ++i) {
    const double centre = (i + 0.5 + offset) / scale - 0.5;
    const int first = std::clamp(static_cast<int>(std::ceil(centre - reach)), 0, from - 1);
    const int last = std::clamp(static_cast<int>(std::floor(centre + reach)), first, from - 1);
    Taps tap{first, {}};
    double sum = 0;
    for (int s = first; s <= last; ++s) sum += std::max(1e-6, 1.0 - std::abs(s - centre) / reach);
    for (int s = first; s <= last; ++s) {
      tap.weights.push_back(static_cast<float>(std::max(1e-6, 1.0 - std::abs(s - centre) / reach) / sum));
    }
    taps.push_back(std::move(tap));
  }
  return taps;
}

}  // namespace

bool is_image_name(const std::filesystem::path& path) {
  std::string ending = path.extension().string();
  for (char& c : ending) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return ending == ".png" || ending == ".jpg" || ending == ".jpeg";
}

Image read_image(const std::filesystem::path& path) {
  const std::string name = path.string();
  const std::vector<std::uint8_t> bytes = read_data_file(path, kMaxFile);
  check_image(name, bytes);
  const int size = static_cast<int>(bytes.size());
  int width = 0, height = 0, stored = 0;
  const auto free_pixels = [](stbi_uc* pixels) { stbi_image_free(pixels); };
  const auto failed = [&] {
    const char* reason = stbi_failure_reason();
    return DataError(cat(name, ": cannot be decoded: ", reason ? reason : "unknown reason"));
  };
  if (!stbi_info_from_memory(bytes.data(), size, &width, &height, &stored)) throw failed();
  require_possible_size(name, bytes, height, width);
  const int channels = stored >= 3 ? 3 : 1;
  std::unique_ptr<stbi_uc, decltype(free_pixels)> pixels(
      stbi_load_from_memory(bytes.data(), size, &width, &height, &stored, channels), free_pixels);
  if (!pixels) throw failed();
  const std::size_t count =
      static_cast<std::size_t>(height) * static_cast<std::size_t>(width) * static_cast<std::size_t>(channels);
  return {height, width, channels, {pixels.get(), pixels.get() + count}};
}

Image with_channels(Image image, int channels) {
  PLIANT_REQUIRE(ConfigError, channels == 1 || channels == 3, channels, " channels, expected 1 or 3");
  if (image.channels == channels) return image;
  std::vector<std::uint8_t> pixels;
  const std::size_t count = static_cast<std::size_t>(image.height) * static_cast<std::size_t>(image.width);
  pixels.reserve(count * static_cast<std::size_t>(channels));
  for (std::size_t p = 0; p < count; ++p) {
    if (channels == 3) {
      pixels.insert(pixels.end(), 3, image.pixels[p]);
    } else {
      const std::uint8_t* rgb = image.pixels.data() + 3 * p;
      pixels.push_back(static_cast<std::uint8_t>((299 * rgb[0] + 587 * rgb[1] + 114 * rgb[2] + 500) / 1000));
    }
  }
  return {image.height, image.width, channels, std::move(pixels)};
}

Image resize_and_crop(const Image& image, int height, int width) {
  PLIANT_REQUIRE(ConfigError, height > 0 && width > 0 && height <= 16384 && width <= 16384, "resize to ", height, "x",
                 width, ", expected sides from 1 to 16384");
  if (image.height == height && image.width == width) return image;
  const double scale = std::max(static_cast<double>(height) / image.height, static_cast<double>(width) / image.width);
  const std::vector<Taps> rows = make_taps(image.height, height, scale), columns = make_taps(image.width, width, scale);
  const auto c = static_cast<std::size_t>(image.channels);
  const auto out_width = static_cast<std::size_t>(width), in_width = static_cast<std::size_t>(image.width);
  std::vector<float> narrow(static_cast<std::size_t>(image.height) * out_width * c, 0.0f);  // [image.height, width, C]
  for (std::size_t y = 0; y < static_cast<std::size_t>(image.height); ++y) {
    for (std::size_t x = 0; x < out_width; ++x) {
      for (std::size_t t = 0; t < columns[x].weights.size(); ++t) {
        const std::size_t from = (y * in_width + static_cast<std::size_t>(columns[x].first) + t) * c;
        for (std::size_t k = 0; k < c; ++k) {
          narrow[(y * out_width + x) * c + k] += columns[x].weights[t] * static_cast<float>(image.pixels[from + k]);
        }
      }
    }
  }
  Image result{height, width, image.channels,
               std::vector<std::uint8_t>(static_cast<std::size_t>(height) * out_width * c)};
  for (std::size_t y = 0; y < static_cast<std::size_t>(height); ++y) {
    for (std::size_t x = 0; x < out_width * c; ++x) {
      float sum = 0;
      for (std::size_t t = 0; t < rows[y].weights.size(); ++t) {
        sum += rows[y].weights[t] * narrow[(static_cast<std::size_t>(rows[y].first) + t) * out_width * c + x];
      }
      result.pixels[y * out_width * c + x] = static_cast<std::uint8_t>(std::clamp(std::lround(sum), 0L, 255L));
    }
  }
  return result;
}

std::vector<std::uint8_t> encode_png(const Image& image) {
  int size = 0;
  const auto free_bytes = [](unsigned char* bytes) { STBIW_FREE(bytes); };
  std::unique_ptr<unsigned char, decltype(free_bytes)> bytes(
      stbi_write_png_to_mem(image.pixels.data(), 0, image.width, image.height, image.channels, &size), free_bytes);
  PLIANT_REQUIRE(MemoryError, bytes, "no memory left to encode an image of ", image.height, " x ", image.width, " as PNG");
  return {bytes.get(), bytes.get() + size};
}

void write_png(const std::filesystem::path& path, const Image& image) { write_data_file(path, encode_png(image)); }

}  // namespace pliant
