#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>

#include "nets/json.h"
#include "train/cli/common.h"
#include "train/cli/verbs.h"
#include "train/data/fetch.h"
#include "train/data/tools.h"

namespace pliant::cli {

namespace {

using Json = nlohmann::ordered_json;

struct DataVerbOptions {
  DataOptions data;
  std::string output;
  bool json = false;
};

void print(const Json& json) { std::cout << json_text(json) << "\n"; }

Json json_of(const DataSummary& summary) {
  Json json = {{"name", summary.name},           {"format", summary.format},
               {"folder", summary.folder},       {"image", {summary.channels, summary.height, summary.width}},
               {"class_names", summary.class_names}};
  json["parts"] = Json::array();
  for (const PartSummary& part : summary.parts) {
    json["parts"].push_back({{"part", part.part},
                             {"images", part.images},
                             {"class_counts", part.class_counts},
                             {"mean", part.normalisation.mean},
                             {"std", part.normalisation.std}});
  }
  return json;
}

std::string list_of(const std::vector<float>& values) {
  std::string text;
  for (const float value : values) text += fmt::format("{}{:.4f}", text.empty() ? "" : " ", value);
  return text;
}

void print_summary(const DataSummary& summary) {
  if (summary.parts.empty()) return;
  std::cout << fmt::format("{} ({}){}\n  images of {}x{}x{} (channels x height x width), {} classes\n", summary.name, summary.format,
                           summary.folder.empty() ? "" : " in " + summary.folder, summary.channels, summary.height, summary.width,
                           summary.class_names.size());
  for (const PartSummary& part : summary.parts) {
    std::cout << fmt::format("  {:<5}  {} images; per channel, of 0 to 1: mean {}, standard deviation {}\n", part.part,
                             with_commas(part.images), list_of(part.normalisation.mean), list_of(part.normalisation.std));
    for (std::size_t c = 0; c < part.class_counts.size(); ++c) {
      std::cout << fmt::format("    {:>9}  {}\n", with_commas(part.class_counts[c]), summary.class_names[c]);
    }
  }
}

int run_stats(const DataVerbOptions& options) {
  const DataSummary summary = data_stats(options.data);
  options.json ? print(json_of(summary)) : print_summary(summary);
  return 0;
}

int run_verify(const DataVerbOptions& options) {
  const VerifyReport report = verify_data(options.data);
  Json json = json_of(report.summary);
  json["official"] = report.official();
  json["checksums"] = Json::array();
  for (const ChecksumResult& sum : report.checksums) {
    json["checksums"].push_back({{"file", sum.file}, {"expected", sum.expected}, {"actual", sum.actual}, {"matches", sum.matches()}});
  }
  if (options.json) {
    print(json);
    return 0;
  }
  print_summary(report.summary);
  for (const ChecksumResult& sum : report.checksums) {
    std::cout << fmt::format("  {}  MD5 {}{}\n", sum.file, sum.actual, sum.matches() ? ", as published" : ", published is " + sum.expected);
  }
  std::cout << (report.official() ? "in order; the published files, byte for byte\n"
                                  : "in order: sizes, labels, counts and every image; not compared with, or not equal to, published checksums\n");
  return 0;
}

int run_convert(const DataVerbOptions& options) {
  const ConvertReport report = convert_data(options.data, options.output);
  if (options.json) {
    print({{"format", report.format},
           {"folder", report.folder},
           {"files", report.files},
           {"train_images", report.train_images},
           {"test_images", report.test_images}});
  } else {
    std::cout << fmt::format("{}: {}, {} training and {} test images in {} files\n", report.folder, report.format,
                             with_commas(report.train_images), with_commas(report.test_images), report.files.size());
  }
  return 0;
}

void add_data_verb(CLI::App& group, const char* name, const char* description, int (*run)(const DataVerbOptions&), Verb& chosen) {
  auto options = std::make_shared<DataVerbOptions>();
  CLI::App* verb = group.add_subcommand(name, description);
  verb->add_option("source", options->data.source, "folder of a data set (CIFAR, MNIST, images per class), or \"synthetic\"")
      ->required()
      ->type_name("DIR");
  verb->add_option("--dataset", options->data.dataset, "which one, where the folder holds several: cifar10, cifar100, mnist, a folder's name")
      ->capture_default_str();
  verb->add_option("--resize", options->data.resize, "scale the shorter side of images to this, then crop the centre (default: as stored)")
      ->check(CLI::Range(1, 16384));
  verb->add_flag("--coarse-labels", options->data.coarse_labels, "CIFAR-100: the 20 superclasses");
  verb->add_option("--threads", options->data.threads, "for decoding (default: all cores)")->check(CLI::Range(1, 1024));
  if (run == run_convert) verb->add_option("--output", options->output, "folder to make")->required()->type_name("DIR");
  add_json_flag(*verb, options->json);
  verb->callback([options, run, &chosen] { chosen = [options, run] { return run(*options); }; });
}

struct FetchVerbOptions {
  std::string dataset, output;
  FetchOptions how;
  bool json = false;
};

int run_fetch(FetchVerbOptions& options) {
  std::int64_t shown = 0;
  options.how.progress = [&shown](const std::string& file, std::int64_t arrived, std::int64_t expected) {
    constexpr std::int64_t kStep = 20 << 20;
    if (arrived / kStep == shown / kStep) return;
    shown = arrived;
    std::cerr << fmt::format("pliant: {}: {} of {} MB\n", file, arrived / 1000000, expected > 0 ? std::to_string(expected / 1000000) : "?");
  };
  const std::string folder = fetch_data(published_set(options.dataset), options.output, options.how);
  options.json ? print({{"dataset", options.dataset}, {"folder", folder}}) : static_cast<void>(std::cout << folder << "\n");
  return 0;
}

void add_fetch(CLI::App& group, Verb& chosen) {
  auto options = std::make_shared<FetchVerbOptions>();
  CLI::App* verb = group.add_subcommand("fetch", "Download a published data set, compare its check sums and unpack it");
  verb->add_option("dataset", options->dataset, "cifar10, cifar100 or mnist")->required()->type_name("NAME");
  verb->add_option("--output", options->output, "folder to put it into")->required()->type_name("DIR");
  verb->add_option("--from", options->how.address, "address of a folder with the same files instead of the published one: http(s)://, file://")
      ->type_name("URL");
  add_json_flag(*verb, options->json);
  verb->callback([options, &chosen] { chosen = [options] { return run_fetch(*options); }; });
}

}  // namespace

void add_data(CLI::App& app, Verb& chosen) {
  CLI::App* group = app.add_subcommand("data", "Check, convert and describe data sets");
  group->require_subcommand(1);
  add_data_verb(*group, "verify", "Decode everything; check sizes, labels, counts and known checksums", run_verify, chosen);
  add_data_verb(*group, "convert", "Write a data set in the binary form of CIFAR-10 or MNIST", run_convert, chosen);
  add_data_verb(*group, "stats", "Count images; mean and standard deviation of each channel", run_stats, chosen);
  add_fetch(*group, chosen);
}

}  // namespace pliant::cli
