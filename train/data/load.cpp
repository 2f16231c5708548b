#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <new>
#include <numeric>

#include "core/check.h"
#include "train/data/cifar.h"
#include "train/data/dataset.h"
#include "train/data/idx.h"
#include "train/data/image_file.h"
#include "train/data/image_files.h"
#include "train/data/parallel.h"
#include "train/data/recognise.h"
#include "train/data/split.h"
#include "train/data/synthetic.h"

namespace pliant {
namespace {

using Indices = std::vector<std::int64_t>;

void check_options(const DataOptions& options) {
  const double v = options.validation;
  PLIANT_REQUIRE(ConfigError, !std::isnan(v) && (v < 1 || (v == std::floor(v) && v < 1e9)), "validation size ", v,
                 ", expected a whole number of images or a fraction below 1");
  PLIANT_REQUIRE(ConfigError, options.limit_train >= 0 && options.limit_test >= 0, "limits of ", options.limit_train,
                 " and ", options.limit_test, " images, expected 0 (all) or more");
  PLIANT_REQUIRE(ConfigError, options.resize == 0 || (options.resize >= 1 && options.resize <= 4096), "resize to ",
                 options.resize, ", expected 0 (none) or 1 to 4096 pixels");
  PLIANT_REQUIRE(ConfigError, options.threads >= 0, options.threads, " threads, expected 0 (default) or more");
  PLIANT_REQUIRE(ConfigError, options.memory_limit >= 0 && options.decode_threads >= 0, "a memory limit of ", options.memory_limit, " bytes and ",
                 options.decode_threads, " decoding threads, expected 0 (default) or more");
}

std::int64_t validation_count(double validation, std::int64_t images) {
  std::int64_t count = std::min<std::int64_t>(5000, images / 10);
  if (validation >= 1)
    count = static_cast<std::int64_t>(validation);
  else if (validation >= 0)
    count = static_cast<std::int64_t>(std::floor(validation * static_cast<double>(images)));
  PLIANT_REQUIRE(ConfigError, count < images, "validation part of ", count, " images, expected fewer than the ", images,
                 " training images");
  return count;
}

struct Plan {
  Indices train, validation, test;
};

Plan plan_split(std::span<const std::int32_t> train, std::span<const std::int32_t> test, int classes,
                const DataOptions& options) {
  const std::int64_t held = validation_count(options.validation, static_cast<std::int64_t>(train.size()));
  SplitIndices split = hold_out(train, classes, held, options.seed);
  Indices all_test(test.size());
  std::iota(all_test.begin(), all_test.end(), std::int64_t{0});
  return {balanced_subset(train, split.rest, classes, options.limit_train, options.seed), std::move(split.chosen),
          balanced_subset(test, all_test, classes, options.limit_test, options.seed)};
}

// The chosen images of a part in memory, resized if asked.
Dataset take(const Dataset& from, const Indices& indices, const DataOptions& options) {
  Dataset part{.name = from.name,
               .height = from.height,
               .width = from.width,
               .channels = from.channels,
               .classes = from.classes,
               .class_names = from.class_names,
               .images = {},
               .labels = {}};
  if (options.resize > 0) part.height = part.width = options.resize;
  const std::int64_t count = static_cast<std::int64_t>(indices.size());
  part.images.resize(static_cast<std::size_t>(count * part.image_bytes()));
  for (const std::int64_t i : indices) part.labels.push_back(from.labels[static_cast<std::size_t>(i)]);
  parallel_samples(count, options.threads, [&](std::int64_t i) {
    const std::uint8_t* pixels = from.image(indices[static_cast<std::size_t>(i)]);
    std::uint8_t* to = part.images.data() + i * part.image_bytes();
    if (part.height == from.height && part.width == from.width) {
      std::copy(pixels, pixels + from.image_bytes(), to);
    } else {
      const Image image{from.height, from.width, from.channels, {pixels, pixels + from.image_bytes()}};
      const Image resized = resize_and_crop(image, part.height, part.width);
      std::copy(resized.pixels.begin(), resized.pixels.end(), to);
    }
  });
  return part;
}

Splits split_in_memory(const TrainTest& data, const DataOptions& options) {
  const Plan plan = plan_split(data.train.labels, data.test.labels, data.train.classes, options);
  return {take(data.train, plan.train, options),
          take(data.train, plan.validation, options),
          take(data.test, plan.test, options),
          {}};
}

std::int64_t memory_limit(const DataOptions& options) {
  if (options.memory_limit > 0) return options.memory_limit;
  return static_cast<std::int64_t>(sysconf(_SC_PHYS_PAGES)) / 4 * static_cast<std::int64_t>(sysconf(_SC_PAGE_SIZE));
}

// A part whose images stay in their files.
Dataset streamed_part(std::shared_ptr<const ImageList> list, const Indices& indices, const ImageShape& shape, const std::string& name,
                      const DataOptions& options) {
  const int threads = options.decode_threads > 0 ? options.decode_threads : thread_count(options.threads);
  Dataset part{.name = name,
               .height = shape.height,
               .width = shape.width,
               .channels = shape.channels,
               .classes = static_cast<int>(list->class_names.size()),
               .class_names = list->class_names,
               .images = {},
               .labels = {}};
  for (const std::int64_t index : indices) part.labels.push_back(list->labels[static_cast<std::size_t>(index)]);
  part.files = std::make_shared<const ImageFiles>(ImageFiles{std::move(list), indices, shape, options.resize, threads});
  return part;
}

Splits split_image_folder(const FoundData& found, const DataOptions& options) {
  ImageFolder folder = list_image_folder(found.folder);
  const ImageShape shape = probe_shape(folder, options.resize);
  const int classes = static_cast<int>(folder.train.class_names.size());
  const Plan plan = plan_split(folder.train.labels, folder.test.labels, classes, options);
  const std::int64_t images = static_cast<std::int64_t>(plan.train.size() + plan.validation.size() + plan.test.size());
  const std::int64_t bytes = images * shape.height * shape.width * shape.channels;
  if (options.stream == StreamMode::on || (options.stream == StreamMode::automatic && bytes > memory_limit(options))) {
    const auto train = std::make_shared<const ImageList>(std::move(folder.train)), test = std::make_shared<const ImageList>(std::move(folder.test));
    return {streamed_part(train, plan.train, shape, found.name, options), streamed_part(train, plan.validation, shape, found.name, options),
            streamed_part(test, plan.test, shape, found.name, options), {}};
  }
  const auto decode = [&](const ImageList& list, const Indices& indices) {
    return decode_images(list, indices, shape, options.resize, found.name, options.threads);
  };
  return {decode(folder.train, plan.train), decode(folder.train, plan.validation), decode(folder.test, plan.test), {}};
}

Splits load_folder(const DataOptions& options) {
  const FoundData found = choose_data(options.source, options.dataset);
  PLIANT_REQUIRE(ConfigError, options.stream != StreamMode::on || found.format == DataFormat::image_folder, options.source, ": ", found.name, " (",
                 format_name(found.format), ") is read at once; only a folder of image files can be streamed");
  PLIANT_REQUIRE(ConfigError, !options.coarse_labels || found.format == DataFormat::cifar100_binary, options.source,
                 ": ", found.name, " (", format_name(found.format),
                 ") has no coarse labels; only CIFAR-100's binary form has");
  switch (found.format) {
    case DataFormat::cifar10_binary: return split_in_memory(read_cifar10(found.folder), options);
    case DataFormat::cifar100_binary:
      return split_in_memory(read_cifar100(found.folder, options.coarse_labels), options);
    case DataFormat::mnist_idx: return split_in_memory(read_mnist(found.folder), options);
    case DataFormat::image_folder: return split_image_folder(found, options);
  }
  PLIANT_INVARIANT(false, "data format ", static_cast<int>(found.format));
  return {};
}

Splits load_synthetic(const DataOptions& options) {
  PLIANT_REQUIRE(ConfigError, !options.coarse_labels, "synthetic data has no coarse labels");
  PLIANT_REQUIRE(ConfigError, options.stream != StreamMode::on, "synthetic data is made in memory; only a folder of image files can be streamed");
  return split_in_memory({make_synthetic(options.synthetic, SyntheticPart::train, options.threads),
                          make_synthetic(options.synthetic, SyntheticPart::test, options.threads)},
                         options);
}

Normalisation choose_normalisation(const Dataset& train, NormalisationKind kind) {
  if (kind == NormalisationKind::computed) return compute_normalisation(train);
  const std::optional<Normalisation> published = published_normalisation(train.name);
  PLIANT_REQUIRE(ConfigError, published && static_cast<int>(published->mean.size()) == train.channels, train.name,
                 " with ", train.channels,
                 " channels: no published mean and deviation, expected cifar10 (3) or mnist (1); use computed ones");
  return *published;
}

}  // namespace

StreamMode parse_stream_mode(const std::string& name) {
  if (name == "auto") return StreamMode::automatic;
  if (name == "on") return StreamMode::on;
  if (name == "off") return StreamMode::off;
  throw UsageError(cat("streaming \"", name, "\": expected auto, on or off"));
}

std::vector<std::uint8_t> Dataset::copy_of(std::int64_t index) const {
  if (!files) return {image(index), image(index) + image_bytes()};
  std::vector<std::uint8_t> bytes(static_cast<std::size_t>(image_bytes()));
  files->decode(index, bytes.data());
  return bytes;
}

Splits load_data(const DataOptions& options) try {
  check_options(options);
  Splits splits = options.source == "synthetic" ? load_synthetic(options) : load_folder(options);
  if (options.normalisation != NormalisationKind::given) splits.normalisation = choose_normalisation(splits.train, options.normalisation);
  return splits;
} catch (const std::bad_alloc&) {
  throw MemoryError(
      cat(options.source, ": not enough host memory for the images; limit the number of images, resize to less, or stream them"));
}

}  // namespace pliant
