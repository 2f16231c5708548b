// MNIST's IDX form (LeCun, Cortes, Burges): big-endian magic 0x803 and three sizes before the grey images, 0x801 and
// one size before the labels. Also read: the same files with a dot before "idx", and gzipped. Ten classes named "0" to
// "9", which also serves the sets made in MNIST's image (Fashion-MNIST, KMNIST).
#pragma once

#include <filesystem>
#include <optional>

#include "train/data/dataset.h"

namespace pliant {

enum class IdxFile { train_images, train_labels, test_images, test_labels };

// The file in any of its spellings, if the folder has one. Plain files come before gzipped ones.
std::optional<std::filesystem::path> find_idx(const std::filesystem::path& folder, IdxFile file);

// DataError: a missing file, a wrong magic number, a size that its header does not give, image and label counts that
// differ, no images, a label above 9, training and test images of different sizes.
TrainTest read_mnist(const std::filesystem::path& folder);

// Writes the four files, not gzipped. The folder exists. ConfigError unless the images are grey, of ten classes named
// "0" to "9", with at least one image in each part.
void write_mnist(const TrainTest& data, const std::filesystem::path& folder);

}  // namespace pliant
