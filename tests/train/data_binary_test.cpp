// The readers of the official binary forms, and their complaints.
#include <doctest/doctest.h>

#include <algorithm>

#include "core/check.h"
#include "tests/support/data_files.h"
#include "train/data/bytes.h"

using namespace pliant;
using namespace pliant::test;

namespace {

bool mentions(const std::string& message, std::initializer_list<const char*> parts) {
  INFO("message: ", message);
  const bool one_line = message.find('\n') == std::string::npos;
  CHECK(one_line);
  return one_line && std::all_of(parts.begin(), parts.end(), [&](const char* part) {
           CHECK_MESSAGE(message.find(part) != std::string::npos, "missing: ", std::string(part));
           return message.find(part) != std::string::npos;
         });
}

}  // namespace

TEST_CASE("cifar10: records become NHWC images in file order") {
  TemporaryFolder folder;
  write_cifar10_files(folder, 4);
  const Splits splits = load_whole(folder.string());
  CHECK(splits.train.name == "cifar10");
  CHECK(splits.train.size() == 20);
  CHECK(splits.test.size() == 4);
  CHECK(splits.validation.size() == 0);
  CHECK(splits.train.height == 32);
  CHECK(splits.train.width == 32);
  CHECK(splits.train.channels == 3);
  CHECK(splits.train.class_names.size() == 10);
  CHECK(splits.train.class_names[3] == "cat");
  for (int i = 0; i < 20; ++i) {
    CHECK(splits.train.labels[static_cast<std::size_t>(i)] == i % 10);
    CHECK(holds_image(splits.train, i, i));
  }
  CHECK(holds_image(splits.test, 0, 20));
}

TEST_CASE("cifar10: names come from the meta file and are found in the official sub-folder") {
  TemporaryFolder folder;
  for (int batch = 1; batch <= 5; ++batch) {
    folder.write(cat("cifar-10-batches-bin/data_batch_", batch, ".bin"), cifar_records(batch, 2, 10));
  }
  folder.write("cifar-10-batches-bin/test_batch.bin", cifar_records(9, 1, 10));
  folder.write("cifar-10-batches-bin/batches.meta.txt", "a\nb\nc\nd\ne\nf\ng\nh\ni\nj\n\n");
  CHECK(load_whole(folder.string()).test.class_names[9] == "j");
  folder.write("cifar-10-batches-bin/batches.meta.txt", "a\nb\n");
  CHECK(mentions(data_error(folder.string()), {"batches.meta.txt", "2 class names", "expected 10"}));
}

TEST_CASE("cifar10: truncated and oversized and empty and missing files are refused") {
  TemporaryFolder folder;
  write_cifar10_files(folder, 3);
  std::vector<std::uint8_t> records = cifar_records(0, 3, 10);
  records.pop_back();
  folder.write("data_batch_2.bin", records);
  CHECK(mentions(data_error(folder.string()), {"data_batch_2.bin", "9218 bytes", "3073"}));
  records.insert(records.end(), 2, 7);
  folder.write("data_batch_2.bin", records);
  CHECK(mentions(data_error(folder.string()), {"data_batch_2.bin", "9220 bytes", "3073"}));
  folder.write("data_batch_2.bin", "");
  CHECK(mentions(data_error(folder.string()), {"data_batch_2.bin", "empty"}));
  std::filesystem::remove(folder / "data_batch_2.bin");
  CHECK(mentions(data_error(folder.string()), {"data_batch_2.bin", "no such file"}));
}

TEST_CASE("cifar10: a label above nine is refused") {
  TemporaryFolder folder;
  write_cifar10_files(folder, 3);
  std::vector<std::uint8_t> records = cifar_records(0, 3, 10);
  records[2 * 3073] = 10;
  folder.write("test_batch.bin", records);
  CHECK(mentions(data_error(folder.string()), {"test_batch.bin", "record 2", "label 10", "0 to 9"}));
}

TEST_CASE("cifar100: fine and coarse labels") {
  TemporaryFolder folder;
  folder.write("cifar-100-binary/train.bin", cifar_records(0, 200, 100));
  folder.write("cifar-100-binary/test.bin", cifar_records(200, 100, 100));
  DataOptions options;
  options.source = folder.string();
  options.validation = 0;
  const Splits fine = load_data(options);
  CHECK(fine.train.name == "cifar100");
  CHECK(fine.train.classes == 100);
  CHECK(fine.train.labels[137] == 37);
  CHECK(holds_image(fine.train, 137, 137));
  options.coarse_labels = true;
  const Splits coarse = load_data(options);
  CHECK(coarse.train.classes == 20);
  CHECK(coarse.train.labels[137] == 7);
  CHECK(holds_image(coarse.test, 99, 299));
  std::vector<std::uint8_t> records = cifar_records(0, 2, 100);
  records[1] = 100;
  folder.write("cifar-100-binary/test.bin", records);
  options.coarse_labels = false;
  CHECK(mentions(data_error(options), {"test.bin", "record 0", "label 100", "0 to 99"}));
}

TEST_CASE("mnist: images and labels in both spellings") {
  TemporaryFolder folder;
  write_mnist_files(folder, 30, 10, 28);
  std::filesystem::rename(folder / "train-images-idx3-ubyte", folder / "train-images.idx3-ubyte");
  const Splits splits = load_whole(folder.string());
  CHECK(splits.train.name == "mnist");
  CHECK(splits.train.size() == 30);
  CHECK(splits.test.size() == 10);
  CHECK(splits.train.channels == 1);
  CHECK(splits.train.height == 28);
  CHECK(splits.train.labels[17] == 7);
  CHECK(holds_image(splits.train, 17, 17));
  CHECK(holds_image(splits.test, 3, 33));
}

TEST_CASE("mnist: faulty files are refused") {
  TemporaryFolder folder;
  write_mnist_files(folder, 10, 10, 8);
  const auto images = [](std::size_t pixels) { return std::vector<std::uint8_t>(pixels, 1); };
  folder.write("train-images-idx3-ubyte", idx_file({10, 8, 8}, images(639)));
  CHECK(mentions(data_error(folder.string()), {"train-images", "639 bytes", "640", "truncated"}));
  folder.write("train-images-idx3-ubyte", idx_file({10, 8, 8}, images(641)));
  CHECK(mentions(data_error(folder.string()), {"train-images", "641 bytes", "640", "too long"}));
  folder.write("train-images-idx3-ubyte", idx_file({10, 64}, images(640)));
  CHECK(mentions(data_error(folder.string()), {"train-images", "2050", "2051"}));
  folder.write("train-images-idx3-ubyte", "abc");
  CHECK(mentions(data_error(folder.string()), {"train-images", "3 bytes", "header"}));
  folder.write("train-images-idx3-ubyte", idx_file({0, 8, 8}, {}));
  CHECK(mentions(data_error(folder.string()), {"train-images", "0"}));
  folder.write("train-images-idx3-ubyte", idx_file({0xFFFFFFFF, 0xFFFFFFFF, 0xFFFFFFFF}, images(5)));
  CHECK(mentions(data_error(folder.string()), {"train-images", "4294967295"}));
  folder.write("train-images-idx3-ubyte", idx_file({9, 8, 8}, images(576)));
  CHECK(mentions(data_error(folder.string()), {"train-labels", "10 labels", "expected 9"}));
  write_mnist_files(folder, 10, 10, 8);
  folder.write("t10k-labels-idx1-ubyte", idx_file({10}, {0, 1, 2, 3, 4, 5, 6, 7, 8, 77}));
  CHECK(mentions(data_error(folder.string()), {"t10k-labels", "label 77", "position 9"}));
  write_mnist_files(folder, 10, 10, 8);
  folder.write("t10k-images-idx3-ubyte", idx_file({10, 9, 9}, images(810)));
  CHECK(mentions(data_error(folder.string()), {"t10k-images", "9x9", "8x8"}));
  std::filesystem::remove(folder / "t10k-labels-idx1-ubyte");
  CHECK(mentions(data_error(folder.string()), {"t10k-labels-idx1-ubyte", "no such file"}));
}

TEST_CASE("mnist: gzipped files are read where there is zlib and refused where not") {
  TemporaryFolder folder;
  write_mnist_files(folder, 10, 10, 8);
  std::filesystem::remove(folder / "t10k-labels-idx1-ubyte");
  const std::vector<std::uint8_t> plain = idx_file({10}, {9, 8, 7, 6, 5, 4, 3, 2, 1, 0});
  // One stored block (RFC 1951, 1952): header, last block of 18 bytes and the complement, content, 0x2d, 0x1b, 0xe3,
  // 0xcc-32, size.
  std::vector<std::uint8_t> gzip{0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 3, 1, 18, 0, 237, 255};
  for (const std::uint8_t byte : plain) gzip.push_back(byte);
  for (const int byte : {0x2d, 0x1b, 0xe3, 0xcc, 18, 0, 0, 0}) gzip.push_back(static_cast<std::uint8_t>(byte));
  folder.write("t10k-labels-idx1-ubyte.gz", gzip);
  if (!reads_gzip()) {
    CHECK(mentions(data_error(folder.string()), {"t10k-labels-idx1-ubyte.gz", "this build has no zlib"}));
    return;
  }
  CHECK(load_whole(folder.string()).test.labels[0] == 9);
  folder.write("t10k-labels-idx1-ubyte.gz", std::span(gzip).first(gzip.size() - 10));
  CHECK(mentions(data_error(folder.string()), {"t10k-labels-idx1-ubyte.gz", "truncated or corrupt gzip"}));
  gzip[20] ^= 1;
  folder.write("t10k-labels-idx1-ubyte.gz", gzip);
  CHECK(mentions(data_error(folder.string()), {"t10k-labels-idx1-ubyte.gz", "truncated or corrupt gzip"}));
  folder.write("t10k-labels-idx1-ubyte.gz", plain);
  CHECK(mentions(data_error(folder.string()), {"t10k-labels-idx1-ubyte.gz", "not a gzip file"}));
}

TEST_CASE("data: a folder that is missing or a file or holds nothing known is refused") {
  TemporaryFolder folder;
  CHECK(mentions(data_error((folder / "nowhere").string()), {"nowhere", "no such folder"}));
  folder.write("archive.tar.gz", "x");
  CHECK(mentions(data_error((folder / "archive.tar.gz").string()), {"archive.tar.gz", "expected a folder"}));
  CHECK(mentions(data_error(folder.string()), {folder.string().c_str(), "holds no known data set"}));
}

TEST_CASE("data: the name chooses among several sets and cifar10 comes first") {
  TemporaryFolder folder;
  write_mnist_files(folder, 10, 10, 8);
  std::filesystem::create_directories(folder / "mnist");
  for (const char* name :
       {"train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"}) {
    std::filesystem::rename(folder / name, folder / "mnist" / name);
  }
  DataOptions options;
  options.source = folder.string();
  CHECK(load_data(options).train.name == "mnist");
  for (int batch = 1; batch <= 5; ++batch) {
    folder.write(cat("cifar-10-batches-bin/data_batch_", batch, ".bin"), cifar_records(batch, 2, 10));
  }
  folder.write("cifar-10-batches-bin/test_batch.bin", cifar_records(9, 1, 10));
  CHECK(load_data(options).train.name == "cifar10");
  options.dataset = "mnist";
  CHECK(load_data(options).train.name == "mnist");
  options.dataset = "cifar100";
  CHECK(
      mentions(data_error(options), {"no data set named cifar100", "cifar10 (CIFAR-10 binary)", "mnist (MNIST IDX)"}));
}
