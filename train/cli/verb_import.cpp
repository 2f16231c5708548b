#include <CLI/CLI.hpp>
#include <algorithm>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>

#include "nets/json.h"
#include "train/cli/common.h"
#include "train/cli/structure.h"
#include "train/cli/verbs.h"

namespace pliant::cli {

namespace {

struct ImportOptions {
  std::string net, file, output, precision = "auto";
  StructureOptions structure;
  bool json = false;
};

// Double weights stay double, unless another precision was asked for.
DType dtype_of_file(const std::string& file, const std::string& precision) {
  if (precision != "auto") return dtype_from(precision);
  const SafetensorsReader reader(file);
  const auto& entries = reader.entries();
  const bool has_double = std::any_of(entries.begin(), entries.end(), [](const TensorEntry& entry) { return entry.dtype == "F64"; });
  return has_double ? DType::f64 : DType::f32;
}

int run_import(const ImportOptions& options) {
  Context context(Device::cpu);
  Net net = build_net(describe(options.net, options.structure));
  net.store->allocate(context, dtype_of_file(options.file, options.precision));
  const WeightReport report = load_weights(net, options.file, WeightPolicy::exact);
  apply_masks(options.structure, net);
  save_checkpoint(options.output, net, {});
  if (options.json) {
    const nlohmann::ordered_json json = {
        {"checkpoint", options.output}, {"name", options.net}, {"tensors", report.loaded.size()}, {"parameters", net.store->trainable_count()}};
    std::cout << json_text(json) << "\n";
  } else {
    std::cout << options.output << ": " << options.net << " with " << report.loaded.size() << " tensors of " << options.file << "\n";
  }
  return 0;
}

}  // namespace

void add_import(CLI::App& app, Verb& chosen) {
  auto options = std::make_shared<ImportOptions>();
  CLI::App* verb = app.add_subcommand("import", "Make a checkpoint of weights under PyTorch's names that were made elsewhere");
  verb->add_option("net", options->net, "name of the net that the weights belong to")->required()->type_name("NET");
  verb->add_option("file", options->file, "safetensors file with every parameter and buffer of the net")->required()->type_name("FILE");
  verb->add_option("--output", options->output, "checkpoint to write")->required()->type_name("FILE");
  add_structure_options(*verb, options->structure);
  verb->add_option("--precision", options->precision, "of the checkpoint; auto: f64 if the file holds F64 tensors, else f32")
      ->check(CLI::IsMember({"auto", "f32", "f64"}))
      ->capture_default_str();
  add_json_flag(*verb, options->json);
  verb->callback([options, &chosen] { chosen = [options] { return run_import(*options); }; });
}

}  // namespace pliant::cli
