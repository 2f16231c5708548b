#include "train/data/image_folder.h"

#include <algorithm>

#include "core/check.h"
#include "train/data/parallel.h"

namespace pliant {
namespace {

namespace fs = std::filesystem;

// Names in a folder, sorted by byte value, hidden ones left out; each is a folder or each is an image file.
std::vector<std::string> sorted_names(const fs::path& folder, bool folders) {
  std::vector<std::string> names;
  std::error_code failed;
  fs::directory_iterator entries(folder, failed);
  PLIANT_REQUIRE(DataError, !failed, folder.string(), ": cannot be listed: ", failed.message());
  for (; entries != fs::directory_iterator(); entries.increment(failed)) {
    const std::string name = entries->path().filename().string();
    if (name.starts_with('.')) continue;
    if (folders) {
      PLIANT_REQUIRE(DataError, entries->is_directory(failed), entries->path().string(),
                     ": not a folder, expected one folder per class");
    } else {
      PLIANT_REQUIRE(DataError, is_image_name(name) && entries->is_regular_file(failed), entries->path().string(),
                     ": not an image file, expected .png, .jpg or .jpeg alone in a class folder");
    }
    names.push_back(name);
  }
  PLIANT_REQUIRE(DataError, !failed, folder.string(), ": cannot be listed: ", failed.message());
  std::sort(names.begin(), names.end());
  return names;
}

ImageList list_part(const fs::path& folder, const std::vector<std::string>* train_classes) {
  std::error_code failed;
  PLIANT_REQUIRE(DataError, fs::is_directory(folder, failed), folder.string(),
                 ": no such folder, expected train/<class>/ and test/<class>/ with PNG or JPEG images");
  const std::vector<std::string> found = sorted_names(folder, true);
  ImageList list{.folder = folder, .class_names = train_classes ? *train_classes : found, .files = {}, .labels = {}};
  for (const std::string& name : found) {
    const auto at = std::find(list.class_names.begin(), list.class_names.end(), name);
    PLIANT_REQUIRE(DataError, at != list.class_names.end(), (folder / name).string(), ": class ", name,
                   " has no folder in the training part");
    std::vector<std::string> files = sorted_names(folder / name, false);
    PLIANT_REQUIRE(DataError, train_classes || !files.empty(), (folder / name).string(),
                   ": no images, expected at least one");
    list.labels.insert(list.labels.end(), files.size(), static_cast<std::int32_t>(at - list.class_names.begin()));
    std::move(files.begin(), files.end(), std::back_inserter(list.files));
  }
  PLIANT_REQUIRE(DataError, !list.files.empty(), folder.string(), ": no images, expected <class>/*.png or *.jpg");
  PLIANT_REQUIRE(DataError, list.class_names.size() >= 2, folder.string(), ": ", list.class_names.size(),
                 " class folder, expected at least 2");
  return list;
}

}  // namespace

fs::path ImageList::path(std::int64_t index) const {
  const auto i = static_cast<std::size_t>(index);
  return folder / class_names[static_cast<std::size_t>(labels[i])] / files[i];
}

ImageFolder list_image_folder(const fs::path& folder) {
  ImageFolder listed;
  listed.train = list_part(folder / "train", nullptr);
  listed.test = list_part(folder / "test", &listed.train.class_names);
  return listed;
}

ImageShape probe_shape(const ImageFolder& folder, int resize) {
  const Image first = read_image(folder.train.path(0));
  return resize > 0 ? ImageShape{resize, resize, first.channels}
                    : ImageShape{first.height, first.width, first.channels};
}

Image decode_image(const ImageList& list, std::int64_t index, const ImageShape& shape, int resize) {
  const fs::path path = list.path(index);
  Image image = read_image(path);
  PLIANT_REQUIRE(DataError, resize > 0 || (image.height == shape.height && image.width == shape.width), path.string(),
                 ": ", image.height, "x", image.width, " pixels, expected ", shape.height, "x", shape.width,
                 " like the first training image (or ask for a resize)");
  PLIANT_REQUIRE(DataError, image.channels <= shape.channels, path.string(),
                 ": a colour image, expected grey like the first training image");
  image = with_channels(std::move(image), shape.channels);
  return resize > 0 ? resize_and_crop(image, resize, resize) : image;
}

Dataset decode_images(const ImageList& list, std::span<const std::int64_t> indices, const ImageShape& shape, int resize,
                      const std::string& name, int threads) {
  Dataset data{.name = name,
               .height = shape.height,
               .width = shape.width,
               .channels = shape.channels,
               .classes = static_cast<int>(list.class_names.size()),
               .class_names = list.class_names,
               .images = {},
               .labels = {}};
  const std::int64_t count = static_cast<std::int64_t>(indices.size());
  data.images.resize(static_cast<std::size_t>(count * data.image_bytes()));
  for (const std::int64_t index : indices) data.labels.push_back(list.labels[static_cast<std::size_t>(index)]);
  parallel_samples(count, threads, [&](std::int64_t i) {
    const Image image = decode_image(list, indices[static_cast<std::size_t>(i)], shape, resize);
    std::copy(image.pixels.begin(), image.pixels.end(), data.images.begin() + i * data.image_bytes());
  });
  return data;
}

}  // namespace pliant
