// Data sets: one file of a good set is replaced by the bytes under test, or a folder is made of the names under test.
#include <algorithm>
#include <sstream>

#include "core/check.h"
#include "tests/fuzz/target.h"
#include "tests/support/data_files.h"
#include "train/data/bytes.h"
#include "train/data/cifar.h"
#include "train/data/idx.h"
#include "train/data/image_file.h"
#include "train/data/image_folder.h"

namespace pliant::fuzz {

namespace {

void check_part(const Dataset& data) {
  PLIANT_INVARIANT(static_cast<std::int64_t>(data.images.size()) == data.size() * data.image_bytes(), data.name, ": ", data.images.size(), " bytes");
  PLIANT_INVARIANT(data.classes == static_cast<int>(data.class_names.size()), data.name, ": ", data.class_names.size(), " names");
  for (const std::int32_t label : data.labels) PLIANT_INVARIANT(label >= 0 && label < data.classes, data.name, ": label ", label);
}

void check_parts(const TrainTest& data) {
  check_part(data.train);
  check_part(data.test);
}

// A data set of which one file at a time is replaced.
class GoodFolder {
 public:
  GoodFolder(const std::string& name, const std::vector<std::string>& replaced) : path_(scratch() / name), replaced_(replaced) {}

  const std::filesystem::path& path() const { return path_; }
  std::size_t files() const { return replaced_.size(); }
  Bytes content(std::size_t which) const {
    const std::filesystem::path file = path_ / replaced_[which];
    return std::filesystem::exists(file) ? read_raw_file(file) : Bytes{};
  }

  // Calls read() while file `which` holds these bytes.
  template <class Read>
  void with(std::size_t which, const Bytes& bytes, const Read& read) const {
    const std::filesystem::path file = path_ / replaced_[which], aside = path_ / "aside";
    const bool had = std::filesystem::exists(file);
    if (had) std::filesystem::rename(file, aside);
    write_data_file(file, bytes);
    const auto restore = [&] {
      std::filesystem::remove(file);
      if (had) std::filesystem::rename(aside, file);
    };
    try {
      read();
    } catch (...) {
      restore();
      throw;
    }
    restore();
  }

 private:
  std::filesystem::path path_;
  std::vector<std::string> replaced_;
};

const GoodFolder& cifar10() {
  static const GoodFolder folder = [] {
    for (int batch = 1; batch <= 5; ++batch) scratch().write(cat("cifar10/data_batch_", batch, ".bin"), test::cifar_records(batch, 1, 10));
    scratch().write("cifar10/test_batch.bin", test::cifar_records(6, 1, 10));
    return GoodFolder("cifar10", {"data_batch_3.bin", "test_batch.bin", "batches.meta.txt"});
  }();
  return folder;
}

const GoodFolder& cifar100() {
  static const GoodFolder folder = [] {
    scratch().write("cifar100/train.bin", test::cifar_records(0, 2, 100));
    scratch().write("cifar100/test.bin", test::cifar_records(2, 1, 100));
    return GoodFolder("cifar100", {"train.bin", "coarse_label_names.txt"});
  }();
  return folder;
}

// With a label file of the test part that is missing, so that a gzipped one is read in its place.
const GoodFolder& mnist() {
  static const GoodFolder folder = [] {
    const std::vector<std::uint8_t> four(4 * 9, 7), labels{1, 2, 3, 4};
    scratch().write("mnist/train-images-idx3-ubyte", test::idx_file({4, 3, 3}, four));
    scratch().write("mnist/train-labels-idx1-ubyte", test::idx_file({4}, labels));
    scratch().write("mnist/t10k-images-idx3-ubyte", test::idx_file({4, 3, 3}, four));
    scratch().write("mnist/t10k-labels-idx1-ubyte.gz", Bytes{});
    return GoodFolder("mnist", {"t10k-labels-idx1-ubyte.gz", "train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte"});
  }();
  return folder;
}

// A gzip stream with one stored block; the check sum is that of these very bytes.
Bytes gzipped_labels() {
  return {0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 3, 1, 12, 0, 243, 255, 0, 0, 8, 1, 0, 0, 0, 4, 1, 2, 3, 4, 0xC9, 0x10, 0x81, 0x1D, 12, 0, 0, 0};
}

}  // namespace

void read_cifar_file(const Bytes& bytes) {
  const Chosen input = choose(bytes, cifar10().files() + cifar100().files());
  if (input.which < cifar10().files()) {
    cifar10().with(input.which, input.rest, [] { check_parts(read_cifar10(cifar10().path())); });
  } else {
    cifar100().with(input.which - cifar10().files(), input.rest, [] {
      check_parts(read_cifar100(cifar100().path(), true));
      check_parts(read_cifar100(cifar100().path(), false));
    });
  }
}

std::vector<Bytes> cifar_seeds() {
  std::vector<Bytes> seeds;
  for (std::size_t i = 0; i < 2; ++i) seeds.push_back(chosen(i, cifar10().content(i)));
  seeds.push_back(chosen(2, "a\nb\nc\nd\ne\nf\ng\nh\ni\nj\n"));
  seeds.push_back(chosen(3, cifar100().content(0)));
  seeds.push_back(chosen(4, "0\n1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n11\n12\n13\n14\n15\n16\n17\n18\n19\n"));
  return seeds;
}

void read_idx_file(const Bytes& bytes) {
  const Chosen input = choose(bytes, mnist().files());
  // Where another file is under test, the labels of the test part are plain ones.
  const std::filesystem::path labels = mnist().path() / "t10k-labels-idx1-ubyte";
  if (input.which == 0) {
    std::filesystem::remove(labels);
  } else {
    write_data_file(labels, test::idx_file({4}, {1, 2, 3, 4}));
  }
  mnist().with(input.which, input.rest, [] { check_parts(read_mnist(mnist().path())); });
}

std::vector<Bytes> idx_seeds() {
  std::vector<Bytes> seeds;
  for (std::size_t i = 1; i < mnist().files(); ++i) seeds.push_back(chosen(i, mnist().content(i)));
  if (reads_gzip()) seeds.push_back(chosen(0, gzipped_labels()));
  return seeds;
}

// Lines are paths below a folder; the last part is the name of a small image, or of a folder where it ends in "/".
void read_image_folder(const Bytes& bytes) {
  constexpr int kMostEntries = 12;
  const std::filesystem::path folder = scratch() / "image-folder";
  std::filesystem::remove_all(folder);
  std::filesystem::create_directories(folder);
  static const Bytes png = encode_png({2, 2, 3, std::vector<std::uint8_t>(12, 9)});
  std::istringstream lines(text_of(bytes));
  int entries = 0;
  for (std::string line; entries < kMostEntries && std::getline(lines, line); ++entries) {
    std::filesystem::path path = folder;
    std::istringstream parts(line);
    for (std::string part; std::getline(parts, part, '/');) {
      part = part.substr(0, std::min<std::size_t>(part.find('\0'), 60));
      if (part.empty() || part == "." || part == "..") continue;
      std::error_code failed;  // a file may stand where a folder is wanted
      std::filesystem::create_directories(path, failed);
      path /= part;
    }
    std::error_code failed;
    if (line.ends_with("/")) {
      std::filesystem::create_directories(path, failed);
    } else if (!std::filesystem::exists(path, failed) && !failed && std::filesystem::is_directory(path.parent_path(), failed)) {
      write_data_file(path, png);
    }
  }
  const ImageFolder found = list_image_folder(folder);
  const ImageShape shape = probe_shape(found, 0);
  std::vector<std::int64_t> all(found.train.files.size());
  for (std::size_t i = 0; i < all.size(); ++i) all[i] = static_cast<std::int64_t>(i);
  check_part(decode_images(found.train, all, shape, 0, "fuzz", 1));
}

std::vector<Bytes> image_folder_seeds() {
  const auto seed = [](std::string_view text) { return Bytes(text.begin(), text.end()); };
  return {seed("train/a/1.png\ntrain/b/2.jpg\ntest/a/3.png\n"), seed("train/\xC3\xA4/x.JPEG\ntrain/.hidden/1.png\ntrain/b c/z.jpg\ntest/\xC3\xA4/y.png\n.x\n")};
}

}  // namespace pliant::fuzz
