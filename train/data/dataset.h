// Data sets on the host: images as bytes with labels, cut into training, validation and test parts. load_data() is the
// one entry point; what it accepts is listed in train/data/recognise.h. Nothing here touches a device: batches are
// gathered, augmented and normalised by a kernel from these bytes. Whatever is wrong with the data is a DataError that
// names the file; wrong options are a ConfigError.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace pliant {

struct ImageFiles;

// One part of a data set. images is [N, H, W, C], C = 1 (grey) or 3 (red, green, blue); labels are 0 to classes - 1.
struct Dataset {
  std::string name;  // "cifar10", "cifar100", "mnist", "synthetic" or the image folder's own name
  int height = 0, width = 0, channels = 0, classes = 0;
  std::vector<std::string> class_names;
  std::vector<std::uint8_t> images;         // empty where they are streamed
  std::vector<std::int32_t> labels;
  std::shared_ptr<const ImageFiles> files{};  // where images are streamed from (train/data/image_files.h); none: they lie in `images`

  std::int64_t size() const { return static_cast<std::int64_t>(labels.size()); }
  std::int64_t image_bytes() const { return std::int64_t{height} * width * channels; }
  const std::uint8_t* image(std::int64_t index) const { return images.data() + index * image_bytes(); }
  std::vector<std::uint8_t> copy_of(std::int64_t index) const;  // the same bytes, also of a streamed image; DataError as of its file
};

struct TrainTest {  // a data set as it is stored, before the split
  Dataset train, test;
};

// x = (byte / 255 - mean) / std, per channel, mean and std in units of 0..1.
struct Normalisation {
  std::vector<float> mean, std;
};

// A training run uses what it measures on its own training part (after the validation part and --limit-train were taken
// away), so that no set needs a table. A recipe that reproduces a paper asks for the published constants instead.
// A checkpoint that goes on or is measured brings its own: then nothing is measured, and Splits has none (given).
enum class NormalisationKind { computed, published, given };

// Whether the images of a folder are decoded anew for every batch, instead of once: automatic does so where all parts together would
// take more memory than DataOptions::memory_limit. What a run computes is the same.
enum class StreamMode { automatic, on, off };
StreamMode parse_stream_mode(const std::string& name);  // "auto", "on", "off"; throws UsageError

struct SyntheticOptions {  // see train/data/synthetic.h
  std::int64_t train = 8000, test = 2000;
  int height = 32, width = 32, channels = 3, classes = 10;
  std::uint64_t seed = 1;  // of the pictures; independent of the run's seed, so that every run sees the same test part
};

struct DataOptions {
  std::string source;            // a folder, or "synthetic"
  std::string dataset = "auto";  // cifar10 | cifar100 | mnist | auto: which one, where the folder holds several
  // Negative: a tenth of the training images, 5,000 at most (so 5,000 for CIFAR and MNIST). 0: none. In (0, 1): that
  // fraction, rounded down. 1 and more: that many images.
  double validation = -1;
  std::uint64_t seed = 0;        // of the split and the subsets
  std::int64_t limit_train = 0;  // at most so many, classes as equal as possible, after the validation split; 0: all
  std::int64_t limit_test = 0;
  int resize = 0;  // 0: as stored, and all alike; else shorter side to this size, centre cropped to a square
  bool coarse_labels = false;  // CIFAR-100: the 20 superclasses instead of the 100 classes
  NormalisationKind normalisation = NormalisationKind::computed;
  int threads = 0;  // for decoding; 0: OpenMP's default. The result never depends on it
  StreamMode stream = StreamMode::off;
  std::int64_t memory_limit = 0;  // bytes; 0: a quarter of the machine's memory
  int decode_threads = 0;         // of streamed images; 0: as many as `threads`
  SyntheticOptions synthetic;
};

struct Splits {
  Dataset train, validation, test;  // same shape, classes and names; validation may be empty
  Normalisation normalisation;
};

// Reads, splits and limits a data set. The same files, options and seed give the same bytes in the same order.
Splits load_data(const DataOptions& options);

// Images per class, [classes].
std::vector<std::int64_t> class_counts(const Dataset& data);

// Mean and (population) standard deviation of every channel over all pixels; a constant channel gets standard deviation
// 1, so that it becomes 0. DataError if there is no image.
Normalisation compute_normalisation(const Dataset& data);

// The constants that papers use: cifar10 (.4914, .4822, .4465 / .2023, .1994, .2010) and mnist (.1307 / .3081).
std::optional<Normalisation> published_normalisation(const std::string& dataset);

}  // namespace pliant
