// The binary form of CIFAR-10 and CIFAR-100 (Krizhevsky, "Learning multiple layers of features from tiny images",
// 2009): records of one label byte (CIFAR-100: the coarse one, then the fine one) and 3072 bytes, the 32x32 red plane,
// then green, then blue. A file may hold any whole number of records, so that subsets and converted folders are the
// same format.
#pragma once

#include <filesystem>

#include "train/data/dataset.h"

namespace pliant {

// data_batch_1.bin to data_batch_5.bin and test_batch.bin, class names from batches.meta.txt (the usual ten without
// it). DataError: a missing or empty file, a size that is no whole number of records, a label above 9, names that are
// not ten.
TrainTest read_cifar10(const std::filesystem::path& folder);

// train.bin and test.bin; 100 classes named by fine_label_names.txt, or with coarse the 20 of coarse_label_names.txt
// (numbers without the file).
TrainTest read_cifar100(const std::filesystem::path& folder, bool coarse);

// Writes the form that read_cifar10 reads, images in order, a fifth of the training part in each batch. The folder
// exists. ConfigError unless the data is 32x32x3 with ten classes and at least five training images and one test image.
void write_cifar10(const TrainTest& data, const std::filesystem::path& folder);

}  // namespace pliant
