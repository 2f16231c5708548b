#include "train/report/image_sheet.h"

#include <algorithm>
#include <string_view>

#include "core/check.h"
#include "train/files/atomic_file.h"
#include "train/files/text.h"

namespace pliant {
namespace {

constexpr std::size_t kGlyphWidth = 5, kGlyphHeight = 7, kPitch = 6;
constexpr int kDot = 2;  // pixels of the sheet per dot of a letter
constexpr int kGap = 4;   // pixels between images
constexpr int kMaxSide = 16384;

// Letters side by side, six columns each, the last one blank.
struct Band {
  std::string_view letters;
  std::string_view dots[kGlyphHeight];
};

constexpr Band kFont[] = {
    {"0123456789ABCDEFGHIJ",
     {".###. ..#.. .###. ##### ...#. ##### ..##. ##### .###. .###. .###. ####. .###. ####. ##### ##### .###. #...# .###. ..### ",
      "#...# .##.. #...# ...#. ..##. #.... .#... ....# #...# #...# #...# #...# #...# #...# #.... #.... #...# #...# ..#.. ...#. ",
      "#..## ..#.. ....# ..#.. .#.#. ####. #.... ...#. #...# #...# #...# #...# #.... #...# #.... #.... #.... #...# ..#.. ...#. ",
      "#.#.# ..#.. ...#. ...#. #..#. ....# ####. ..#.. .###. .#### ##### ####. #.... #...# ####. ####. #.### ##### ..#.. ...#. ",
      "##..# ..#.. ..#.. ....# ##### ....# #...# .#... #...# ....# #...# #...# #.... #...# #.... #.... #...# #...# ..#.. ...#. ",
      "#...# ..#.. .#... #...# ...#. #...# #...# .#... #...# ...#. #...# #...# #...# #...# #.... #.... #...# #...# ..#.. #..#. ",
      ".###. .###. ##### .###. ...#. .###. .###. .#... .###. .##.. #...# ####. .###. ####. ##### #.... .###. #...# .###. .##.. "}},
    {"KLMNOPQRSTUVWXYZ",
     {"#...# #.... #...# #...# .###. ####. .###. ####. .#### ##### #...# #...# #...# #...# #...# ##### ",
      "#..#. #.... ##.## ##..# #...# #...# #...# #...# #.... ..#.. #...# #...# #...# #...# #...# ....# ",
      "#.#.. #.... #.#.# #.#.# #...# #...# #...# #...# #.... ..#.. #...# #...# #...# .#.#. .#.#. ...#. ",
      "##... #.... #.#.# #..## #...# ####. #...# ####. .###. ..#.. #...# #...# #.#.# ..#.. ..#.. ..#.. ",
      "#.#.. #.... #...# #...# #...# #.... #.#.# #.#.. ....# ..#.. #...# #...# #.#.# .#.#. ..#.. .#... ",
      "#..#. #.... #...# #...# #...# #.... #..#. #..#. ....# ..#.. #...# .#.#. ##.## #...# ..#.. #.... ",
      "#...# ##### #...# #...# .###. #.... .##.# #...# ####. ..#.. .###. ..#.. #...# #...# ..#.. ##### "}},
    {" .,%-+:/()=_",
     {"..... ..... ..... ##..# ..... ..... ..... ....# ...#. .#... ..... ..... ",
      "..... ..... ..... ##..# ..... ..#.. .##.. ....# ..#.. ..#.. ..... ..... ",
      "..... ..... ..... ...#. ..... ..#.. .##.. ...#. .#... ...#. ##### ..... ",
      "..... ..... ..... ..#.. ##### ##### ..... ..#.. .#... ...#. ..... ..... ",
      "..... ..... .##.. .#... ..... ..#.. .##.. .#... .#... ...#. ##### ..... ",
      "..... .##.. .##.. #..## ..... ..#.. .##.. #.... ..#.. ..#.. ..... ..... ",
      "..... .##.. .#... #..## ..... ..... ..... #.... ...#. .#... ..... ##### "}},
};

constexpr bool font_is_whole() {
  for (const Band& band : kFont) {
    for (const std::string_view line : band.dots) {
      if (line.size() != kPitch * band.letters.size()) return false;
    }
  }
  return true;
}
static_assert(font_is_whole());

// Whether the dot (row, column) of a letter is black.
bool dot(char letter, std::size_t row, std::size_t column) {
  if (letter >= 'a' && letter <= 'z') letter = static_cast<char>(letter - 'a' + 'A');
  for (const Band& band : kFont) {
    const std::size_t at = band.letters.find(letter);
    if (at != std::string_view::npos) return band.dots[row][kPitch * at + column] == '#';
  }
  return row == 0 || row + 1 == kGlyphHeight || column == 0 || column + 1 == kGlyphWidth;
}

// Sets a square of the sheet to one colour.
void fill(Image& sheet, int top, int left, int side, const std::uint8_t* colour) {
  for (int y = top; y < top + side; ++y) {
    for (int x = left; x < left + side; ++x) {
      const auto at = (static_cast<std::size_t>(y) * static_cast<std::size_t>(sheet.width) + static_cast<std::size_t>(x)) *
                      static_cast<std::size_t>(sheet.channels);
      std::copy_n(colour, sheet.channels, sheet.pixels.begin() + static_cast<std::ptrdiff_t>(at));
    }
  }
}

void write_text(Image& sheet, int top, int left, const std::string& text) {
  constexpr std::uint8_t kBlack[3] = {0, 0, 0};
  for (std::size_t i = 0; i < text.size(); ++i) {
    for (std::size_t row = 0; row < kGlyphHeight; ++row) {
      for (std::size_t column = 0; column < kGlyphWidth; ++column) {
        if (!dot(text[i], row, column)) continue;
        fill(sheet, top + kDot * static_cast<int>(row), left + kDot * static_cast<int>(kPitch * i + column), kDot, kBlack);
      }
    }
  }
}

void copy_image(Image& sheet, int top, int left, const Image& image, int scale) {
  const std::uint8_t* pixel = image.pixels.data();
  for (int y = 0; y < image.height; ++y) {
    for (int x = 0; x < image.width; ++x, pixel += image.channels) fill(sheet, top + scale * y, left + scale * x, scale, pixel);
  }
}

// The first image, whose size is that of all.
const Image& check_images(std::span<const SheetRow> rows) {
  const Image* first = nullptr;
  for (const SheetRow& row : rows) {
    for (const Image& image : row.images) {
      if (!first) first = &image;
      PLIANT_REQUIRE(ConfigError, image.height == first->height && image.width == first->width && image.channels == first->channels,
                     "image sheet, row ", in_quotes(row.label), ": an image of ", image.height, " x ", image.width, " x ", image.channels,
                     " beside one of ", first->height, " x ", first->width, " x ", first->channels);
      const bool is_image = image.height > 0 && image.width > 0 && image.height <= kMaxSide && image.width <= kMaxSide &&
                            (image.channels == 1 || image.channels == 3);
      const std::int64_t bytes = std::int64_t{image.height} * image.width * image.channels;
      PLIANT_REQUIRE(ConfigError, is_image && static_cast<std::int64_t>(image.pixels.size()) == bytes, "image sheet, row ", in_quotes(row.label),
                     ": ", image.pixels.size(), " bytes are no image of ", image.height, " x ", image.width, " x ", image.channels,
                     " (channels 1 or 3)");
    }
  }
  PLIANT_REQUIRE(ConfigError, first, "image sheet: there are no images in its ", rows.size(), " rows");
  return *first;
}

}  // namespace

Image image_sheet(std::span<const SheetRow> rows, int scale) {
  PLIANT_REQUIRE(ConfigError, scale >= 1 && scale <= 16, "image sheet: the scale is ", scale, ", expected 1 to 16");
  const Image& first = check_images(rows);
  std::size_t letters = 0, most = 0;
  for (const SheetRow& row : rows) {
    letters = std::max(letters, row.label.size());
    most = std::max(most, row.images.size());
  }
  const std::int64_t label_width = kDot * static_cast<std::int64_t>(kPitch * letters);
  const std::int64_t step_x = std::int64_t{scale} * first.width + kGap, text_height = kDot * static_cast<std::int64_t>(kGlyphHeight);
  const std::int64_t step_y = std::max(std::int64_t{scale} * first.height, text_height) + kGap;
  const std::int64_t width = 2 * kGap + label_width + step_x * static_cast<std::int64_t>(most);
  const std::int64_t height = kGap + step_y * static_cast<std::int64_t>(rows.size());
  PLIANT_REQUIRE(ConfigError, width <= kMaxSide && height <= kMaxSide, "image sheet: it would be ", height, " x ", width,
                 " pixels, expected sides up to ", kMaxSide, "; take fewer images or a smaller scale");
  Image sheet{static_cast<int>(height), static_cast<int>(width), first.channels, {}};
  sheet.pixels.assign(static_cast<std::size_t>(height * width * first.channels), 255);
  for (std::size_t r = 0; r < rows.size(); ++r) {
    const int top = kGap + static_cast<int>(step_y) * static_cast<int>(r);
    write_text(sheet, top + static_cast<int>(step_y - kGap - text_height) / 2, kGap, rows[r].label);
    for (std::size_t i = 0; i < rows[r].images.size(); ++i) {
      copy_image(sheet, top, 2 * kGap + static_cast<int>(label_width) + static_cast<int>(step_x) * static_cast<int>(i), rows[r].images[i], scale);
    }
  }
  return sheet;
}

void write_image_sheet(const std::string& path, std::span<const SheetRow> rows, int scale) {
  const std::vector<std::uint8_t> bytes = encode_png(image_sheet(rows, scale));
  AtomicFile file(path);
  file.write(std::as_bytes(std::span(bytes)));
  file.commit();
}

}  // namespace pliant
