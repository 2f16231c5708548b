// A folder of images per class: FOLDER/train/<class>/*.png|jpg and FOLDER/test/<class>/*. Classes are the folder names
// below train/, sorted by byte value; images are sorted by class, then by file name. Listing and decoding are apart, so
// that only the images that a run uses are decoded.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "train/data/dataset.h"
#include "train/data/image_file.h"

namespace pliant {

struct ImageList {
  std::filesystem::path folder;          // of this part
  std::vector<std::string> class_names;  // [classes]
  std::vector<std::string> files;        // [N] file names without their folders
  std::vector<std::int32_t> labels;      // [N]

  std::filesystem::path path(std::int64_t index) const;
};

struct ImageFolder {
  ImageList train, test;  // the same classes
};

// Names that begin with a dot are passed over. DataError: no train/ or test/, a part without classes or images, a
// class folder of the training part without images, a test class that train/ lacks, anything that is not a PNG or JPEG
// name.
ImageFolder list_image_folder(const std::filesystem::path& folder);

struct ImageShape {
  int height = 0, width = 0, channels = 0;
};

// The shape of a data set: its first training image decides (and becomes resize x resize if resize > 0).
ImageShape probe_shape(const ImageFolder& folder, int resize);

// One image of a part in the shape of the set. Grey images in a colour set become colour. DataError that names the file: one that cannot be
// decoded, another size than shape where resize is 0, a colour image in a grey set.
Image decode_image(const ImageList& list, std::int64_t index, const ImageShape& shape, int resize);

// Decodes the chosen images in the order of indices, in parallel. DataError as of decode_image(), for the first of
// them that fails.
Dataset decode_images(const ImageList& list, std::span<const std::int64_t> indices, const ImageShape& shape, int resize,
                      const std::string& name, int threads);

}  // namespace pliant
