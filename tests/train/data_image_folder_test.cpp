// Folders of images per class: order, shapes, resizing, and every way an image can be damaged.
#include <doctest/doctest.h>

#include <algorithm>
#include <initializer_list>

#include "core/check.h"
#include "tests/support/data_files.h"
#include "train/data/bytes.h"
#include "train/data/image_file.h"

using namespace pliant;
using namespace pliant::test;

namespace {

bool mentions(const std::string& message, const std::string& part) {
  INFO("message: ", message);
  CHECK(message.find('\n') == std::string::npos);
  CHECK_MESSAGE(message.find(part) != std::string::npos, "missing: ", part);
  return message.find(part) != std::string::npos;
}

template <class Action>
std::string message_of(Action action) {
  try {
    action();
  } catch (const DataError& error) {
    return error.what();
  }
  return "no error";
}

// A 16x16 baseline JPEG of one flat grey (100): tables and scan written out by hand, 4 blocks. All the AC coefficients
// are zero and so are the DC differences after the first.
std::vector<std::uint8_t> grey_jpeg() {
  std::vector<std::uint8_t> bytes;
  const auto append = [&](std::initializer_list<int> part) {
    for (const int byte : part) bytes.push_back(static_cast<std::uint8_t>(byte));
  };
  append({0xFF, 0xD8, 0xFF, 0xDB, 0, 67, 0});
  for (int i = 0; i < 64; ++i) append({8});                     // every quantiser is 8
  append({0xFF, 0xC0, 0, 11, 8, 0, 16, 0, 16, 1, 1, 0x11, 0});  // 16x16, one component
  append({0xFF, 0xC4, 0, 21, 0x00, 2});                         // DC table: two codes of one bit, ...
  append({0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5});  // ... category 0 and category 5
  append({0xFF, 0xC4, 0, 20, 0x10, 1});                         // AC table: one code of one bit, ...
  append({0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0});     // ... the end of a block
  append({0xFF, 0xDA, 0, 8, 1, 1, 0x00, 0, 63, 0});
  // First block: DC category 5 (code 1), value -28 (bits 00011), end of block (0); three more blocks of 0 and 0.
  append({0x8C, 0x07, 0xFF, 0xD9});
  return bytes;
}

Image flat(int height, int width, int channels, int value) {
  return {
      height, width, channels,
      std::vector<std::uint8_t>(static_cast<std::size_t>(height * width * channels), static_cast<std::uint8_t>(value))};
}

}  // namespace

TEST_CASE("image folder: sorted by class and file name") {
  TemporaryFolder folder;
  write_image_folder(folder, {"zebra", "ant", "Bee"}, 2, 9, 7, 3);
  const Splits splits = load_whole(folder.string());
  CHECK(splits.train.name == folder.path().filename().string());
  CHECK(splits.train.class_names == std::vector<std::string>{"Bee", "ant", "zebra"});
  CHECK(splits.train.height == 9);
  CHECK(splits.train.width == 7);
  CHECK(splits.train.channels == 3);
  CHECK(splits.train.labels == std::vector<std::int32_t>{0, 0, 1, 1, 2, 2});
  const int numbers[] = {4, 5, 2, 3, 0, 1};
  for (int i = 0; i < 6; ++i) {
    CHECK(holds_image(splits.train, i, numbers[i]));
    CHECK(holds_image(splits.test, i, 6 + numbers[i]));
  }
}

TEST_CASE("image folder: grey stays one channel and grey joins colour") {
  TemporaryFolder grey;
  write_image_folder(grey, {"a", "b"}, 2, 8, 8, 1);
  CHECK(load_whole(grey.string()).train.channels == 1);
  write_png(grey / "train/b/9999.png", flat(8, 8, 3, 4));
  CHECK(mentions(data_error(grey.string()), "b/9999.png: a colour image"));
  TemporaryFolder colour;
  write_image_folder(colour, {"a", "b"}, 2, 8, 8, 3);
  write_png(colour / "train/b/9999.png", flat(8, 8, 1, 77));
  const Splits splits = load_whole(colour.string());
  CHECK(splits.train.channels == 3);
  CHECK(std::all_of(splits.train.image(4), splits.train.image(5), [](int v) { return v == 77; }));
}

TEST_CASE("image folder: mixed sizes are refused unless a resize is asked") {
  TemporaryFolder folder;
  write_image_folder(folder, {"a", "b"}, 2, 8, 8, 3);
  write_png(folder / "test/a/1001.png", flat(8, 9, 3, 50));
  CHECK(mentions(data_error(folder.string()), "test/a/1001.png: 8x9 pixels, expected 8x8"));
  DataOptions options;
  options.source = folder.string();
  options.resize = 6;
  const Splits splits = load_data(options);
  CHECK(splits.test.height == 6);
  CHECK(splits.test.width == 6);
  CHECK(std::all_of(splits.test.image(1), splits.test.image(2), [](int v) { return v == 50; }));
}

TEST_CASE("image folder: the first bad file in order is named for every thread count") {
  TemporaryFolder folder;
  write_image_folder(folder, {"a", "b"}, 400, 8, 8, 1);
  for (const char* name : {"train/a/1100.png", "train/a/1399.png", "train/b/1300.png"})
    folder.write(name, "not an image");
  DataOptions options;
  options.source = folder.string();
  options.validation = 0;
  for (const int threads : {1, 2, 5}) {
    options.threads = threads;
    CHECK(mentions(data_error(options), "train/a/1100.png: neither PNG nor JPEG"));
  }
}

TEST_CASE("image folder: images that a limit leaves out are not decoded") {
  TemporaryFolder folder;
  write_image_folder(folder, {"a", "b"}, 10, 8, 8, 1);
  for (int i = 1; i < 10; ++i) folder.write(cat("train/a/", 1000 + i, ".png"), "not an image");
  DataOptions options;
  options.source = folder.string();
  options.validation = 0;
  options.limit_test = 2;
  CHECK(mentions(data_error(options), "train/a/1001.png"));
  int loaded = 0;
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    options.seed = seed;
    options.limit_train = 2;  // one of each class; class a's only good image is drawn by some seeds
    if (data_error(options) == "no error") ++loaded;
  }
  CHECK(loaded > 0);
  CHECK(loaded < 40);
}

TEST_CASE("image folder: missing parts and empty classes and stray files are refused") {
  TemporaryFolder folder;
  std::filesystem::create_directories(folder / "train");
  CHECK(mentions(data_error(folder.string()), "train: no images"));
  write_image_folder(folder, {"a", "b"}, 1, 8, 8, 1);
  CHECK(data_error(folder.string()) == "no error");
  folder.write("train/a/.hidden", "x");
  CHECK(data_error(folder.string()) == "no error");
  std::filesystem::create_directories(folder / "train/c");
  CHECK(mentions(data_error(folder.string()), "train/c: no images"));
  std::filesystem::remove_all(folder / "train/c");
  folder.write("train/b/notes.txt", "x");
  CHECK(mentions(data_error(folder.string()), "train/b/notes.txt: not an image file"));
  std::filesystem::remove(folder / "train/b/notes.txt");
  folder.write("train/list.csv", "x");
  CHECK(mentions(data_error(folder.string()), "train/list.csv: not a folder"));
  std::filesystem::remove(folder / "train/list.csv");
  std::filesystem::rename(folder / "test/b", folder / "test/d");
  CHECK(mentions(data_error(folder.string()), "test/d: class d has no folder in the training part"));
  std::filesystem::remove_all(folder / "test");
  CHECK(mentions(data_error(folder.string()), "test: no such folder"));
}

TEST_CASE("image file: a damaged PNG is refused") {
  TemporaryFolder folder;
  Image image = flat(20, 20, 3, 0);
  for (std::size_t i = 0; i < image.pixels.size(); ++i) image.pixels[i] = static_cast<std::uint8_t>(i * 97 >> 3);
  const auto path = folder / "a.png";
  write_png(path, image);
  CHECK(read_image(path).pixels == image.pixels);
  const std::vector<std::uint8_t> good = read_raw_file(path);
  // Every cut and every flipped byte must be noticed: the chunk check sums cover all but the signature.
  for (std::size_t size = 0; size < good.size(); ++size) {
    folder.write("a.png", std::span(good).first(size));
    CHECK_THROWS_AS(read_image(path), DataError);
  }
  for (std::size_t at = 0; at < good.size(); ++at) {
    std::vector<std::uint8_t> bad = good;
    bad[at] ^= 0x10;
    folder.write("a.png", bad);
    CHECK_THROWS_AS(read_image(path), DataError);
  }
}

TEST_CASE("image file: a JPEG is decoded and every truncation of it is refused") {
  TemporaryFolder folder;
  const std::vector<std::uint8_t> good = grey_jpeg();
  const auto path = folder.write("a.jpg", good);
  const Image image = read_image(path);
  CHECK(image.height == 16);
  CHECK(image.width == 16);
  CHECK(image.channels == 1);
  CHECK(std::all_of(image.pixels.begin(), image.pixels.end(), [](int v) { return v == 100; }));
  for (std::size_t size = 0; size < good.size(); ++size) {
    folder.write("a.jpg", std::span(good).first(size));
    CHECK_THROWS_AS(read_image(path), DataError);
  }
}

TEST_CASE("image file: a JPEG with too long Huffman tables is refused before it is decoded") {
  TemporaryFolder folder;
  std::vector<std::uint8_t> bad = grey_jpeg();
  const std::size_t counts = 7 + 64 + 13 + 5;  // the 16 code counts of the first table
  REQUIRE(bad[counts] == 2);
  for (std::size_t length = 0; length < 16; ++length) bad[counts + length] = 200;
  CHECK(mentions(message_of([&] { read_image(folder.write("a.jpg", bad)); }), "a.jpg: JPEG Huffman tables"));
  bad = grey_jpeg();
  bad[7 + 64 + 3] = 1;  // the length of the frame segment
  CHECK(mentions(message_of([&] { read_image(folder.write("a.jpg", bad)); }), "a.jpg: JPEG segment"));
}

TEST_CASE("image file: a JPEG whose scan needs what no segment before it defines is refused before it is decoded") {
  TemporaryFolder folder;
  struct Removed {
    std::size_t from, length;
    const char* message;
  };
  const Removed removed[] = {
      {2, 69, "JPEG scan at byte 60 needs a quantisation table that is not there"},
      {71, 13, "JPEG scan at byte 116 has a component that no frame before it has"},
      {84, 23, "JPEG scan at byte 106 needs a Huffman table of class 0 that is not there"},
      {107, 22, "JPEG scan at byte 107 needs a Huffman table of class 1 that is not there"},
  };
  for (const Removed& segment : removed) {
    std::vector<std::uint8_t> bad = grey_jpeg();
    const auto from = bad.begin() + static_cast<std::ptrdiff_t>(segment.from);
    bad.erase(from, from + static_cast<std::ptrdiff_t>(segment.length));
    CHECK(mentions(message_of([&] { read_image(folder.write("a.jpg", bad)); }), segment.message));
  }
}

TEST_CASE("image file: a JPEG that leaves a component without its first scan is refused before it is decoded") {
  TemporaryFolder folder;
  const auto message_for = [&](const std::vector<std::uint8_t>& bytes) { return message_of([&] { read_image(folder.write("a.jpg", bytes)); }); };
  std::vector<std::uint8_t> no_scan = grey_jpeg(), three = grey_jpeg(), refined = grey_jpeg(), arithmetic = grey_jpeg();
  no_scan.erase(no_scan.begin() + 129, no_scan.begin() + 141);
  CHECK(mentions(message_for(no_scan), "JPEG end marker at byte 129 comes before a scan of component 1"));
  three[74] = 17, three[80] = 3;
  const std::uint8_t others[] = {2, 0x11, 0, 3, 0x11, 0};
  three.insert(three.begin() + 84, std::begin(others), std::end(others));
  CHECK(mentions(message_for(three), "JPEG end marker at byte 147 comes before a scan of component 2"));
  refined[72] = 0xC2, refined[136] = 1;
  CHECK(mentions(message_for(refined), "JPEG scan at byte 129 refines a component that has no first scan"));
  arithmetic[72] = 0xC9;
  CHECK(mentions(message_for(arithmetic), "JPEG frame at byte 71 is neither baseline nor progressive Huffman coding"));
}

TEST_CASE("image file: a header that promises more pixels than the file can hold is refused before they are decoded") {
  TemporaryFolder folder;
  std::vector<std::uint8_t> bad = grey_jpeg();
  const std::size_t sides = 7 + 64 + 5;  // height and width, two bytes each
  REQUIRE(bad[sides + 1] == 16);
  bad[sides] = bad[sides + 2] = 0x3F;
  CHECK(mentions(message_of([&] { read_image(folder.write("a.jpg", bad)); }), "a.jpg: promises 16144 x 16144 pixels in 143 bytes"));
}

TEST_CASE("image file: resizing keeps flat images and averages and centres") {
  CHECK(resize_and_crop(flat(10, 30, 3, 201), 7, 5).pixels == flat(7, 5, 3, 201).pixels);
  CHECK(resize_and_crop(flat(3, 2, 1, 9), 32, 32).pixels == flat(32, 32, 1, 9).pixels);
  // Left half 0, right half 200, twice as wide as high: the square cut is symmetric about the edge.
  Image edge = flat(8, 16, 1, 0);
  for (int i = 0; i < 8 * 16; ++i) edge.pixels[static_cast<std::size_t>(i)] = i % 16 < 8 ? 0 : 200;
  const Image small = resize_and_crop(edge, 4, 4);
  for (std::size_t x = 0; x < 4; ++x) CHECK(int{small.pixels[x]} + int{small.pixels[3 - x]} == 200);
  CHECK(small.pixels[0] < 20);
  const Image same = resize_and_crop(edge, 8, 8);  // no scaling: columns 4 to 11
  CHECK(same.pixels[3] == 0);
  CHECK(same.pixels[4] == 200);
}

TEST_CASE("image file: colour to grey and back") {
  Image red = flat(1, 1, 3, 0);
  red.pixels[0] = 255;
  CHECK(with_channels(red, 1).pixels[0] == 76);
  CHECK(with_channels(flat(2, 2, 1, 8), 3).pixels == flat(2, 2, 3, 8).pixels);
}
