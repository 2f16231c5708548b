#include "train/report/image_sheet.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "core/check.h"
#include "tests/train/file_helpers.h"

using namespace pliant;
using namespace pliant::test;

namespace {

// Pixel values that tell positions apart, none of them white or black.
Image pattern(int height, int width, int channels, int seed) {
  Image image{height, width, channels, {}};
  for (int i = 0; i < height * width * channels; ++i) image.pixels.push_back(static_cast<std::uint8_t>(1 + (7 * i + 31 * seed) % 250));
  return image;
}

std::uint8_t value(const Image& image, int y, int x, int c) {
  return image.pixels[static_cast<std::size_t>((y * image.width + x) * image.channels + c)];
}

// The label's dots of a row as text, '#' for black.
std::string label_dots(const Image& sheet, int top, int left, int letters) {
  std::string dots;
  for (int y = 0; y < 7; ++y) {
    for (int x = 0; x < 6 * letters; ++x) dots += value(sheet, top + 2 * y, left + 2 * x, 0) == 0 ? '#' : '.';
    dots += '\n';
  }
  return dots;
}

}  // namespace

TEST_CASE("image sheet: every image stands in its place and the label beside its row") {
  for (const int channels : {1, 3}) {
    for (const int scale : {1, 3}) {
      TemporaryFolder folder;
      const std::string path = file_in(folder, "sheet.png");
      const SheetRow rows[] = {{"e1", {pattern(16, 20, channels, 0), pattern(16, 20, channels, 1)}}, {"", {}}, {"EXIT 2", {pattern(16, 20, channels, 2)}}};
      write_image_sheet(path, rows, scale);
      const Image sheet = read_image(path);  // decoded by stb_image
      CHECK(sheet.channels == channels);
      CHECK(sheet.pixels == image_sheet(rows, scale).pixels);
      const int left = 4 + 6 * 6 * 2 + 4, step_x = 20 * scale + 4, step_y = 16 * scale + 4;
      REQUIRE(sheet.height == 4 + 3 * step_y);
      REQUIRE(sheet.width == left + 2 * step_x);
      std::size_t differences = 0, coloured = 0;
      for (int r = 0; r < 3; ++r) {
        for (std::size_t i = 0; i < rows[r].images.size(); ++i) {
          for (int y = 0; y < 16 * scale; ++y) {
            for (int x = 0; x < 20 * scale; ++x) {
              for (int c = 0; c < channels; ++c) {
                const std::uint8_t expected = value(rows[r].images[i], y / scale, x / scale, c);
                differences += value(sheet, 4 + r * step_y + y, left + static_cast<int>(i) * step_x + x, c) != expected;
              }
            }
          }
        }
      }
      CHECK(differences == 0);
      for (const std::uint8_t pixel : sheet.pixels) coloured += pixel != 0 && pixel != 255;
      CHECK(coloured == static_cast<std::size_t>(3 * 16 * 20 * scale * scale * channels));
      CHECK(label_dots(sheet, 4 + (16 * scale - 14) / 2, 4, 2) ==
            "#####...#...\n"
            "#......##...\n"
            "#.......#...\n"
            "####....#...\n"
            "#.......#...\n"
            "#.......#...\n"
            "#####..###..\n");
    }
  }
}

TEST_CASE("image sheet: every letter has a shape of its own") {
  const std::string letters = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ.,%-+:/()=_ ";
  std::vector<std::string> shapes;
  for (const char letter : letters + "?") {
    const SheetRow row{std::string(1, letter), {pattern(14, 1, 1, 0)}};
    shapes.push_back(label_dots(image_sheet({&row, 1}, 1), 4, 4, 1));
  }
  CHECK(shapes[letters.size()].substr(0, 14) == "#####.\n#...#.\n");  // unknown: a box
  CHECK(std::count(shapes[letters.size() - 1].begin(), shapes[letters.size() - 1].end(), '#') == 0);
  for (std::size_t i = 0; i < shapes.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      CAPTURE(i);
      CAPTURE(j);
      CHECK(shapes[i] != shapes[j]);
    }
  }
  const SheetRow small{"q", {pattern(14, 1, 1, 0)}}, capital{"Q", {pattern(14, 1, 1, 0)}};
  CHECK(image_sheet({&small, 1}).pixels == image_sheet({&capital, 1}).pixels);
}

TEST_CASE("image sheet: what does not fit is refused and an older file stays") {
  TemporaryFolder folder;
  const std::string path = file_in(folder, "sheet.png");
  write_all(path, "old");
  const auto refused = [&](std::vector<SheetRow> rows, int scale = 2) {
    return message_of<ConfigError>([&] { write_image_sheet(path, rows, scale); });
  };
  const Image good = pattern(4, 5, 3, 0);
  CHECK(refused({}).find("no images") != std::string::npos);
  CHECK(refused({{"a", {}}}).find("no images in its 1 rows") != std::string::npos);
  CHECK(refused({{"a", {good}}, {"b", {pattern(5, 4, 3, 0)}}}).find("row 'b': an image of 5 x 4 x 3 beside one of 4 x 5 x 3") != std::string::npos);
  CHECK_FALSE(refused({{"a", {good, pattern(4, 5, 1, 0)}}}).empty());
  CHECK_FALSE(refused({{"a", {pattern(4, 5, 2, 0)}}}).empty());
  CHECK_FALSE(refused({{"a", {Image{4, 5, 3, std::vector<std::uint8_t>(59)}}}}).empty());
  CHECK_FALSE(refused({{"a", {Image{0, 5, 3, {}}}}}).empty());
  CHECK_FALSE(refused({{"a", {good}}}, 0).empty());
  CHECK_FALSE(refused({{"a", {good}}}, 17).empty());
  CHECK(refused({{std::string(2000, 'a'), {good}}}).find("expected sides up to 16384") != std::string::npos);
  CHECK(read_all(path) == "old");
  const SheetRow row{"a", {good}};
  CHECK_THROWS_AS(write_image_sheet(file_in(folder, "missing/sheet.png"), {&row, 1}), Error);
  CHECK(entries_in(folder) == 1);
}
