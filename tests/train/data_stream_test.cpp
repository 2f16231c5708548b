// Images that are decoded ahead by threads: the bytes and their order, how many are in memory, what happens to a damaged file, and that
// the threads end. OpenMP has one thread here, so that a thread sanitizer sees all that run.
#include "train/data/image_stream.h"

#include <doctest/doctest.h>

#include <chrono>
#include <numeric>

#include "core/check.h"
#include "tests/support/data_files.h"

using namespace pliant;
using namespace pliant::test;

namespace {

constexpr int kPerClass = 15, kImages = 2 * kPerClass;

struct Folder {
  TemporaryFolder folder;
  Folder() { write_image_folder(folder, {"a", "b"}, kPerClass, 6, 5, 3); }

  // The training part, backwards.
  std::shared_ptr<const ImageFiles> files(int threads, int resize = 0) const {
    const ImageFolder listed = list_image_folder(folder.path());
    std::vector<std::int64_t> indices(kImages);
    std::iota(indices.rbegin(), indices.rend(), 0);
    return std::make_shared<const ImageFiles>(
        ImageFiles{std::make_shared<const ImageList>(listed.train), indices, probe_shape(listed, resize), resize, threads});
  }
};

std::vector<std::int32_t> some_order() {  // of all, none twice
  std::vector<std::int32_t> order;
  for (int i = 0; i < kImages; ++i) order.push_back(7 * i % kImages);
  return order;
}

std::vector<std::uint8_t> bytes_of(const ImageFiles& files, std::span<const std::int32_t> order) {
  std::vector<std::uint8_t> all;
  for (const std::int32_t i : order) {
    std::vector<std::uint8_t> one(static_cast<std::size_t>(files.image_bytes()));
    files.decode(i, one.data());
    all.insert(all.end(), one.begin(), one.end());
  }
  return all;
}

// Waits until the threads hold so many images, for ten seconds at most.
bool reaches(const ImageStream& stream, std::int64_t images) {
  const auto start = std::chrono::steady_clock::now();
  while (stream.images_in_memory() < images) {
    if (std::chrono::steady_clock::now() - start > std::chrono::seconds(10)) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return true;
}

std::string failure_of(ImageStream& stream) {
  try {
    stream.next();
  } catch (const DataError& error) {
    return error.what();
  }
  return "no error";
}

}  // namespace

TEST_CASE("data stream: batches are the files' bytes in the given order for any number of threads") {
  const Folder folder;
  const std::vector<std::int32_t> order = some_order();
  for (const int resize : {0, 4}) {
    for (const int threads : {1, 2, 4, 40}) {
      CAPTURE(threads);
      const auto files = folder.files(threads, resize);
      const std::vector<std::uint8_t> expected = bytes_of(*files, order);
      for (const std::int64_t first : {0, 3}) {
        ImageStream stream(files, order, 4, first);  // the last batch has two
        std::vector<std::uint8_t> actual;
        for (std::int64_t batch = first; batch < 8; ++batch) {
          const std::span<const std::uint8_t> bytes = stream.next();
          CHECK(static_cast<std::int64_t>(bytes.size()) == (batch == 7 ? 2 : 4) * files->image_bytes());
          actual.insert(actual.end(), bytes.begin(), bytes.end());
        }
        CHECK(actual == std::vector<std::uint8_t>(expected.begin() + first * 4 * files->image_bytes(), expected.end()));
      }
    }
  }
}

TEST_CASE("data stream: four batches are decoded ahead and no more are in memory") {
  const Folder folder;
  for (const int threads : {1, 3}) {
    ImageStream stream(folder.files(threads), some_order(), 3);
    CHECK(reaches(stream, 12));
    for (int batch = 0; batch < kImages / 3; ++batch) {
      stream.next();
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
      CHECK(stream.images_in_memory() <= 12);
    }
    CHECK(stream.peak_images() == 12);
  }
}

TEST_CASE("data stream: a damaged image is named once the batches before it were taken") {
  const Folder folder;
  const std::vector<std::int32_t> order = some_order();
  const ImageList list = list_image_folder(folder.folder.path()).train;
  const auto path_at = [&](std::size_t place) { return list.path(kImages - 1 - order[place]); };
  for (const std::size_t place : {9u, 10u, 20u}) {
    const std::vector<std::uint8_t> noise = {0xFF, 0xD8, 0xFF, 0xE0, 1, 2, 3};  // begins like a JPEG
    folder.folder.write(std::filesystem::relative(path_at(place), folder.folder.path()).string(), noise);
  }
  for (const int threads : {1, 2, 4}) {
    CAPTURE(threads);
    ImageStream stream(folder.files(threads), order, 4);
    stream.next();
    stream.next();
    const std::string message = failure_of(stream);
    CHECK(message.find(path_at(9).string()) != std::string::npos);
    CHECK(failure_of(stream) == message);  // it is not passed over
  }
}

TEST_CASE("data stream: it ends in the middle of an order whether its threads decode or wait") {
  const Folder folder;
  for (int repeat = 0; repeat < 20; ++repeat) {
    ImageStream dropped(folder.files(4), some_order(), 2);
    ImageStream taken(folder.files(4), some_order(), 2);
    taken.next();
    if (repeat % 4 == 0) CHECK(reaches(taken, 8));
  }
  ImageStream none(folder.files(2), {}, 2);
}

TEST_CASE("data stream: orders and batches that mean nothing are refused") {
  const Folder folder;
  CHECK_THROWS_WITH_AS(ImageStream(folder.files(2), {0, kImages}, 2), "image 30 of a part with 30", DataError);
  CHECK_THROWS_AS(ImageStream(folder.files(2), {-1}, 2), DataError);
  CHECK_THROWS_AS(ImageStream(folder.files(2), {0}, 0), ConfigError);
}

TEST_CASE("data stream: a set is streamed where asked or where it takes more than the limit and is otherwise the same") {
  const Folder folder;
  DataOptions options;
  options.source = folder.folder.string();
  options.validation = 6;
  options.threads = 1;
  const Splits kept = load_data(options);
  const auto streamed = [&](StreamMode mode, std::int64_t limit) {
    options.stream = mode;
    options.memory_limit = limit;
    return load_data(options).train.files != nullptr;
  };
  const std::int64_t bytes = 2 * kImages * 6 * 5 * 3;
  CHECK_FALSE(streamed(StreamMode::off, 1));
  CHECK_FALSE(streamed(StreamMode::automatic, bytes));
  CHECK_FALSE(streamed(StreamMode::automatic, 0));
  CHECK(streamed(StreamMode::automatic, bytes - 1));
  CHECK(streamed(StreamMode::on, 0));
  const Splits splits = load_data(options);
  CHECK(splits.normalisation.mean == kept.normalisation.mean);
  CHECK(splits.normalisation.std == kept.normalisation.std);
  for (const auto& [part, expected] : {std::pair{&splits.train, &kept.train}, {&splits.validation, &kept.validation}, {&splits.test, &kept.test}}) {
    CHECK(part->labels == expected->labels);
    CHECK(part->images.empty());
    for (std::int64_t i = 0; i < part->size(); ++i) CHECK(part->copy_of(i) == expected->copy_of(i));
  }
  options.normalisation = NormalisationKind::given;
  CHECK(load_data(options).normalisation.mean.empty());
  options.source = "synthetic";
  CHECK(config_error(options).find("only a folder of image files can be streamed") != std::string::npos);
}
