#include "train/data/recognise.h"

#include "core/check.h"
#include "train/data/idx.h"

namespace pliant {
namespace {

namespace fs = std::filesystem;

constexpr const char* kBelow[] = {"",          "cifar-10-batches-bin", "cifar10-images", "cifar-100-binary", "mnist",
                                  "MNIST/raw", "mnist-images"};

bool has_file(const fs::path& path) {
  std::error_code failed;
  return fs::is_regular_file(path, failed);
}

bool has_folder(const fs::path& path) {
  std::error_code failed;
  return fs::is_directory(path, failed);
}

std::string image_folder_name(const fs::path& folder) {
  const fs::path plain = fs::absolute(folder).lexically_normal();
  const std::string name = (plain.has_filename() ? plain : plain.parent_path()).filename().string();
  if (name == "cifar10-images") return "cifar10";
  if (name == "mnist-images") return "mnist";
  return name;
}

void recognise_one(const fs::path& folder, std::vector<FoundData>& found) {
  bool cifar10 = has_file(folder / "test_batch.bin");
  for (int batch = 1; batch <= 5; ++batch) cifar10 = cifar10 || has_file(folder / cat("data_batch_", batch, ".bin"));
  if (cifar10) found.push_back({"cifar10", DataFormat::cifar10_binary, folder});
  if (has_file(folder / "train.bin") || has_file(folder / "test.bin")) {
    found.push_back({"cifar100", DataFormat::cifar100_binary, folder});
  }
  bool mnist = false;
  for (const IdxFile file :
       {IdxFile::train_images, IdxFile::train_labels, IdxFile::test_images, IdxFile::test_labels}) {
    mnist = mnist || find_idx(folder, file).has_value();
  }
  if (mnist) found.push_back({"mnist", DataFormat::mnist_idx, folder});
  if (has_folder(folder / "train") || has_folder(folder / "test")) {
    found.push_back({image_folder_name(folder), DataFormat::image_folder, folder});
  }
}

}  // namespace

const char* format_name(DataFormat format) {
  switch (format) {
    case DataFormat::cifar10_binary: return "CIFAR-10 binary";
    case DataFormat::cifar100_binary: return "CIFAR-100 binary";
    case DataFormat::mnist_idx: return "MNIST IDX";
    case DataFormat::image_folder: return "image folder";
  }
  PLIANT_INVARIANT(false, "data format ", static_cast<int>(format));
  return "";
}

std::vector<FoundData> recognise_data(const fs::path& source) {
  std::error_code failed;
  PLIANT_REQUIRE(DataError, fs::exists(source, failed), source.string(), ": no such folder");
  PLIANT_REQUIRE(DataError, fs::is_directory(source, failed), source.string(),
                 ": a file, expected a folder (unpack an archive first)");
  std::vector<FoundData> found;
  for (const char* below : kBelow) {
    const fs::path folder = *below ? source / below : source;
    if (has_folder(folder)) recognise_one(folder, found);
  }
  return found;
}

FoundData choose_data(const fs::path& source, const std::string& dataset) {
  const std::vector<FoundData> found = recognise_data(source);
  std::string list;
  for (const FoundData& data : found) {
    if (dataset == "auto" || dataset == data.name) return data;
    list += cat(list.empty() ? "" : ", ", data.name, " (", format_name(data.format), ")");
  }
  PLIANT_REQUIRE(DataError, !found.empty(), source.string(),
                 ": holds no known data set, expected CIFAR binary files, MNIST IDX "
                 "files, train/<class>/ and test/<class>/ with images, or a folder of those");
  throw DataError(cat(source.string(), ": holds no data set named ", dataset, ", only ", list));
}

}  // namespace pliant
