#include "train/data/image_file.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cmath>
#include <memory>
#include <string>

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-function"
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"
#define STBI_ONLY_PNG
#define STBI_ONLY_JPEG
#define STBI_NO_STDIO
#define STBI_MAX_DIMENSIONS 16384
#define STB_IMAGE_STATIC
#define STB_IMAGE_IMPLEMENTATION
#include <stb/stb_image.h>
#define STB_IMAGE_WRITE_STATIC
#define STB_IMAGE_WRITE_IMPLEMENTATION
#include <stb/stb_image_write.h>
#pragma GCC diagnostic pop

#include "core/check.h"
#include "train/data/bytes.h"

namespace pliant {
namespace {

using Bytes = std::span<const std::uint8_t>;

constexpr std::int64_t kMaxFile = std::int64_t{1} << 30;
constexpr std::uint8_t kPngSignature[8] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1A, '\n'};

std::uint32_t big_endian(const std::uint8_t* p) {
  return std::uint32_t{p[0]} << 24 | std::uint32_t{p[1]} << 16 | std::uint32_t{p[2]} << 8 | p[3];
}

// CRC-32 as in the PNG specification, annex D.
std::uint32_t crc32_of(Bytes bytes) {
  static const std::array<std::uint32_t, 256> table = [] {
    std::array<std::uint32_t, 256> t{};
    for (std::uint32_t n = 0; n < 256; ++n) {
      std::uint32_t c = n;
      for (int k = 0; k < 8; ++k) c = (c & 1) ? 0xEDB88320u ^ (c >> 1) : c >> 1;
      t[n] = c;
    }
    return t;
  }();
  std::uint32_t crc = 0xFFFFFFFFu;
  for (const std::uint8_t byte : bytes) crc = table[(crc ^ byte) & 0xFF] ^ (crc >> 8);
  return crc ^ 0xFFFFFFFFu;
}

// Every chunk is whole and has the right check sum, up to IEND.
void check_png(const std::string& name, Bytes bytes) {
  for (std::size_t at = 8;;) {
    PLIANT_REQUIRE(DataError, bytes.size() - at >= 12, name, ": PNG ends after ", bytes.size(),
                   " bytes without its IEND chunk; the file is truncated");
    const std::size_t length = big_endian(bytes.data() + at);
    PLIANT_REQUIRE(DataError, bytes.size() - at - 12 >= length, name, ": PNG chunk at byte ", at, " needs ", length,
                   " bytes, but the file has ", bytes.size() - at - 12, " there; it is truncated or corrupt");
    const std::uint32_t expected = big_endian(bytes.data() + at + 8 + length);
    const std::uint32_t actual = crc32_of(bytes.subspan(at + 4, length + 4));
    PLIANT_REQUIRE(DataError, actual == expected, name, ": PNG chunk at byte ", at, " has check sum ", actual,
                   ", expected ", expected, "; the file is corrupt");
    if (std::equal(bytes.begin() + static_cast<std::ptrdiff_t>(at + 4),
                   bytes.begin() + static_cast<std::ptrdiff_t>(at + 8), "IEND")) {
      return;
    }
    at += 12 + length;
  }
}

// A Huffman segment's tables have at most 256 codes each and fill it exactly. stb_image counts on the first.
bool huffman_tables_fit(Bytes tables) {
  while (!tables.empty()) {
    if (tables.size() < 17) return false;
    std::size_t codes = 0;
    for (std::size_t length = 1; length <= 16; ++length) codes += tables[length];
    if (codes > 256 || tables.size() < 17 + codes) return false;
    tables = tables.subspan(17 + codes);
  }
  return true;
}

// The first position from `at` on of a marker that ends entropy-coded data: not a stuffed zero, a restart or a fill
// byte.
std::size_t next_marker(Bytes bytes, std::size_t at) {
  for (; at + 1 < bytes.size(); ++at) {
    const int next = bytes[at + 1];
    if (bytes[at] == 0xFF && next != 0 && next != 0xFF && (next < 0xD0 || next > 0xD7)) return at;
  }
  return bytes.size();
}

// Walks the segments and scans to the end-of-image marker: all are whole, and no Huffman table is too long.
void check_jpeg(const std::string& name, Bytes bytes) {
  constexpr int kHuffmanTables = 0xC4, kEndOfImage = 0xD9, kStartOfScan = 0xDA;
  for (std::size_t at = 2;;) {
    while (at + 1 < bytes.size() && bytes[at] == 0xFF && bytes[at + 1] == 0xFF) ++at;  // fill bytes
    const bool here = at + 2 <= bytes.size();
    if (here && bytes[at] == 0xFF && bytes[at + 1] == kEndOfImage) return;
    PLIANT_REQUIRE(DataError, !here || bytes[at] == 0xFF, name, ": byte ", at, " is ", int{bytes[at]},
                   ", expected a JPEG marker (255); the file is corrupt");
    const std::size_t length = at + 4 <= bytes.size() ? std::size_t{bytes[at + 2]} << 8 | bytes[at + 3] : 0;
    PLIANT_REQUIRE(DataError, at + 4 <= bytes.size() && at + 2 + length <= bytes.size(), name, ": JPEG ends after ",
                   bytes.size(), " bytes without its end marker; the file is truncated");
    const int marker = bytes[at + 1];
    PLIANT_REQUIRE(DataError, length >= 2, name, ": JPEG segment at byte ", at, " has length ", length,
                   ", expected at least 2; the file is corrupt");
    PLIANT_REQUIRE(DataError, marker != kHuffmanTables || huffman_tables_fit(bytes.subspan(at + 4, length - 2)), name,
                   ": JPEG Huffman tables at byte ", at, " do not fit their segment; the file is corrupt");
    at += 2 + length;
    if (marker == kStartOfScan) at = next_marker(bytes, at);
  }
}

// A header may promise a billion pixels in a hundred bytes, and the decoder would fill them. Deflate (PNG) expands 1032 times at most, with
// eight pixels a byte; JPEG spends a bit or more on each block of 64 pixels.
void require_possible(const std::string& name, Bytes bytes, int height, int width) {
  constexpr std::int64_t kMostPngPixels = 8 * 1032, kMostJpegPixels = 8 * 64;  // per byte
  const std::int64_t most = (bytes[0] == kPngSignature[0] ? kMostPngPixels : kMostJpegPixels) * static_cast<std::int64_t>(bytes.size());
  PLIANT_REQUIRE(DataError, std::int64_t{height} * width <= most, name, ": promises ", height, " x ", width, " pixels in ", bytes.size(),
                 " bytes, which hold ", most, " at most; the file is corrupt");
}

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
  PLIANT_REQUIRE(DataError, !bytes.empty(), name, ": empty, expected a PNG or JPEG image");
  if (bytes.size() >= 8 && std::equal(kPngSignature, kPngSignature + 8, bytes.begin())) {
    check_png(name, bytes);
  } else if (bytes.size() >= 3 && bytes[0] == 0xFF && bytes[1] == 0xD8 && bytes[2] == 0xFF) {
    check_jpeg(name, bytes);
  } else {
    throw DataError(cat(name, ": neither PNG nor JPEG by its first bytes; the file is corrupt or of another format"));
  }
  const int size = static_cast<int>(bytes.size());
  int width = 0, height = 0, stored = 0;
  const auto free_pixels = [](stbi_uc* pixels) { stbi_image_free(pixels); };
  const auto failed = [&] {
    const char* reason = stbi_failure_reason();
    return DataError(cat(name, ": cannot be decoded: ", reason ? reason : "unknown reason"));
  };
  if (!stbi_info_from_memory(bytes.data(), size, &width, &height, &stored)) throw failed();
  require_possible(name, bytes, height, width);
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
