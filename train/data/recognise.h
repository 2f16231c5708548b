// What a folder holds. Recognised, in this order, in the folder itself and in these folders below it:
//   cifar-10-batches-bin   data_batch_1.bin to data_batch_5.bin, test_batch.bin                  (train/data/cifar.h)
//   cifar10-images         train/<class>/ and test/<class>/ with PNG or JPEG images (train/data/image_folder.h)
//   cifar-100-binary       train.bin, test.bin                                                   (train/data/cifar.h)
//   mnist, MNIST/raw       train-images-idx3-ubyte and the other three, also with a dot or .gz   (train/data/idx.h)
//   mnist-images           as cifar10-images
// One telling file or folder is enough to be recognised; whatever else is missing is then an error that names it.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace pliant {

enum class DataFormat { cifar10_binary, cifar100_binary, mnist_idx, image_folder };

const char* format_name(DataFormat format);  // "CIFAR-10 binary", ...

struct FoundData {
  std::string name;  // cifar10, cifar100, mnist; for other image folders the folder's own name
  DataFormat format;
  std::filesystem::path folder;
};

// Everything recognised, in the order above. DataError: no such folder, or a file in its place.
std::vector<FoundData> recognise_data(const std::filesystem::path& source);

// The first one whose name is dataset; with "auto" the first of all. DataError says what was found instead.
FoundData choose_data(const std::filesystem::path& source, const std::string& dataset);

}  // namespace pliant
