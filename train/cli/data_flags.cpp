#include "train/cli/data_flags.h"

#include <CLI/CLI.hpp>

#include "train/cli/common.h"

namespace pliant::cli {

void DataFlags::apply(DataOptions& options) const {
  options.source = source;
  if (dataset) options.dataset = *dataset;
  if (validation) options.validation = *validation;
  if (limit_train) options.limit_train = *limit_train;
  if (limit_test) options.limit_test = *limit_test;
  if (resize) options.resize = *resize;
  if (coarse_labels) options.coarse_labels = true;
  options.stream = parse_stream_mode(stream.value_or("auto"));
  if (memory_limit) options.memory_limit = *memory_limit << 20;
  if (decode_threads) options.decode_threads = *decode_threads;
}

void add_data_flags(CLI::App& verb, DataFlags& flags, bool required) {
  verb.add_option("--data", flags.source, "folder of a data set, or \"synthetic\"")->envname("PLIANT_DATA")->required(required);
  verb.add_option("--dataset", flags.dataset, "which one, where the folder holds several: cifar10, cifar100, mnist or an image folder's name");
  verb.add_option("--validation", flags.validation,
                  "held out from the training part by seed: below 1 a share, else a number of images (default: a tenth, at most 5000)")
      ->check(non_negative);
  verb.add_option("--limit-train", flags.limit_train, "train on at most so many images, class-balanced, after the validation split")
      ->check(above_zero);
  verb.add_option("--limit-test", flags.limit_test, "test on at most so many images, class-balanced")->check(above_zero);
  verb.add_option("--resize", flags.resize, "resize the shorter side to so many pixels and crop the centre")->check(CLI::Range(1, 4096));
  verb.add_option("--stream", flags.stream, "image folders: decode images anew for every batch; auto does where they take more than --memory-limit")
      ->check(CLI::IsMember({"auto", "on", "off"}));
  verb.add_option("--memory-limit", flags.memory_limit, "MiB that the images of a set may take in memory (default: a quarter of the machine's)")
      ->check(CLI::Range(std::int64_t{1}, std::int64_t{1} << 30));
  verb.add_option("--decode-threads", flags.decode_threads, "threads that decode streamed images (default: --threads)")->check(CLI::Range(1, 1024));
  verb.add_flag("--coarse-labels", flags.coarse_labels, "CIFAR-100: its 20 superclasses");
}

}  // namespace pliant::cli
