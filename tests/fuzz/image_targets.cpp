// Images: the bytes of a PNG or JPEG file, as they are or, so that mutations come past the check sums of PNG, with these put right.
#include <initializer_list>

#include "core/check.h"
#include "tests/fuzz/target.h"
#include "train/data/bytes.h"
#include "train/data/image_file.h"

namespace pliant::fuzz {

namespace {

std::uint32_t crc32(const std::uint8_t* begin, std::size_t count) {
  std::uint32_t crc = 0xFFFFFFFFu;
  for (std::size_t i = 0; i < count; ++i) {
    crc ^= begin[i];
    for (int bit = 0; bit < 8; ++bit) crc = (crc & 1) != 0 ? 0xEDB88320u ^ (crc >> 1) : crc >> 1;
  }
  return ~crc;
}

void put_sums_right(Bytes& png) {
  for (std::size_t at = 8; at + 12 <= png.size();) {
    std::size_t length = 0;
    for (std::size_t i = 0; i < 4; ++i) length = length << 8 | png[at + i];
    if (length > png.size() - at - 12) return;
    const std::uint32_t sum = crc32(&png[at + 4], length + 4);
    for (std::size_t i = 0; i < 4; ++i) png[at + 8 + length + i] = static_cast<std::uint8_t>(sum >> (24 - 8 * i));
    at += 12 + length;
  }
}

constexpr int kBaseline = 0xC0, kProgressive = 0xC2;

void append(Bytes& bytes, std::initializer_list<int> part) {
  for (const int byte : part) bytes.push_back(static_cast<std::uint8_t>(byte));
}

// What all scans of a 16 x 16 JPEG of one flat grey need: one DC code of category 0, one AC code that ends a block.
Bytes jpeg_without_scans(int frame, int components) {
  Bytes bytes;
  append(bytes, {0xFF, 0xD8, 0xFF, 0xDB, 0, 67, 0});
  for (int i = 0; i < 64; ++i) append(bytes, {8});
  append(bytes, {0xFF, frame, 0, 8 + 3 * components, 8, 0, 16, 0, 16, components});
  for (int c = 1; c <= components; ++c) append(bytes, {c, 0x11, 0});
  for (const int table : {0x00, 0x10}) append(bytes, {0xFF, 0xC4, 0, 20, table, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0});
  return bytes;
}

// All components in one scan of all coefficients, with or without a restart after each block.
Bytes baseline_jpeg(int components, bool restarts) {
  Bytes bytes = jpeg_without_scans(kBaseline, components);
  if (restarts) append(bytes, {0xFF, 0xDD, 0, 4, 0, 1});
  append(bytes, {0xFF, 0xDA, 0, 6 + 2 * components, components});
  for (int c = 1; c <= components; ++c) append(bytes, {c, 0x00});
  append(bytes, {0, 63, 0});
  if (restarts) {
    for (int block = 0; block < 3; ++block) append(bytes, {0, 0xFF, 0xD0 + block});
  }
  append(bytes, {0, 0, 0, 0xFF, 0xD9});
  return bytes;
}

// The DC coefficients but for their last bit, this bit, all AC coefficients.
Bytes progressive_jpeg() {
  Bytes bytes = jpeg_without_scans(kProgressive, 1);
  append(bytes, {0xFF, 0xDA, 0, 8, 1, 1, 0, 0, 0, 0x01, 0, 0});
  append(bytes, {0xFF, 0xDA, 0, 8, 1, 1, 0, 0, 0, 0x10, 0, 0});
  append(bytes, {0xFF, 0xDA, 0, 8, 1, 1, 0, 1, 63, 0x00, 0, 0, 0xFF, 0xD9});
  return bytes;
}

}  // namespace

void read_image_file(const Bytes& bytes) {
  Chosen input = choose(bytes, 2);
  if (input.which == 1) put_sums_right(input.rest);
  const std::filesystem::path path = scratch() / "image.png";
  write_data_file(path, input.rest);
  const Image image = read_image(path);
  const auto expected = std::size_t{1} * static_cast<std::size_t>(image.height) * static_cast<std::size_t>(image.width) *
                        static_cast<std::size_t>(image.channels);
  PLIANT_INVARIANT(image.pixels.size() == expected && (image.channels == 1 || image.channels == 3), image.pixels.size(), " bytes");
  PLIANT_INVARIANT(resize_and_crop(image, 3, 2).pixels.size() == 6 * static_cast<std::size_t>(image.channels), "resized");
}

std::vector<Bytes> image_seeds() {
  Image colour{3, 5, 3, std::vector<std::uint8_t>(45)}, grey{4, 4, 1, std::vector<std::uint8_t>(16, 200)};
  for (std::size_t i = 0; i < colour.pixels.size(); ++i) colour.pixels[i] = static_cast<std::uint8_t>(i * 5);
  return {chosen(1, encode_png(colour)), chosen(1, encode_png(grey)), chosen(0, baseline_jpeg(1, false)),
          chosen(0, baseline_jpeg(3, false)),  chosen(0, baseline_jpeg(1, true)),  chosen(0, progressive_jpeg())};
}

}  // namespace pliant::fuzz
