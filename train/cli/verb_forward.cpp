#include <CLI/CLI.hpp>
#include <algorithm>
#include <iostream>
#include <memory>
#include <numeric>

#include "train/cli/common.h"
#include "train/cli/part.h"
#include "train/cli/verbs.h"
#include "train/device_data.h"
#include "train/files/staged_tensors.h"
#include "train/files/text.h"

namespace pliant::cli {

namespace {

struct ForwardOptions {
  std::string file, input, output, mode = "eval", precision = "f32";
  PartOptions part;
  std::uint64_t seed = 1;
  DeviceOptions device;
};

// In eval mode samples do not see each other, so that a large input can run in parts.
constexpr std::int64_t kEvalBatch = 128;

// Logits of all selected exits, [N, classes] each, as doubles, exit after exit.
std::vector<std::vector<double>> run_net(const LoadedNet& loaded, Context& context, const Tensor& images, const ForwardOptions& options) {
  const bool train = options.mode == "train";
  const std::int64_t n = images.shape()[0], part = train ? n : std::min(n, kEvalBatch);
  std::vector<std::vector<double>> logits;
  Pass pass{context, nullptr, train ? Mode::train : Mode::eval, chosen_part(loaded.net, options.part)};
  pass.random_key = random_key(context, options.seed, 0);
  for (std::int64_t first = 0; first < n; first += part) {
    const std::int64_t count = std::min(part, n - first);
    std::vector<std::int32_t> samples(static_cast<std::size_t>(count));
    std::iota(samples.begin(), samples.end(), static_cast<std::int32_t>(first));
    pass.samples = Tensor::from_host(context, {count}, samples);
    const std::vector<Var> exits = forward(loaded.net, pass, {images.rows(first, count)});
    logits.resize(exits.size());
    for (std::size_t i = 0; i < exits.size(); ++i) {
      const std::vector<double> values = exits[i].value.to_doubles();
      logits[i].insert(logits[i].end(), values.begin(), values.end());
    }
  }
  return logits;
}

int run_forward(const ForwardOptions& options) {
  const DType dtype = dtype_from(options.precision);
  const auto context = make_context(options.device, dtype);
  const LoadedNet loaded = load_checkpoint(*context, options.file, dtype);
  const NetDescription& d = loaded.net.description;
  const SafetensorsReader reader(options.input);
  for (const TensorEntry& entry : reader.entries()) {
    PLIANT_REQUIRE(FileError, entry.name == "input", options.input, ": expected the tensor 'input' alone, found ", in_quotes(entry.name));
  }
  const Tensor images = read_images(*context, reader, "input", d, dtype);
  const std::vector<std::vector<double>> logits = run_net(loaded, *context, images, options);
  SafetensorsWriter writer;
  for (std::size_t i = 0; i < logits.size(); ++i) {
    const std::string name = logits.size() == 1 ? "logits" : cat("logits.", i);
    const std::vector<std::int64_t> shape{images.shape()[0], d.classes};
    if (dtype == DType::f64) {
      writer.add(name, shape, std::span<const double>(logits[i]));
    } else {
      const std::vector<float> values(logits[i].begin(), logits[i].end());
      writer.add(name, shape, std::span<const float>(values));
    }
  }
  writer.write(options.output);
  std::cerr << "pliant: " << images.shape()[0] << " samples, " << logits.size() << (logits.size() == 1 ? " exit" : " exits") << " -> "
            << options.output << "\n";
  return 0;
}

}  // namespace

void add_forward(CLI::App& app, Verb& chosen) {
  auto options = std::make_shared<ForwardOptions>();
  CLI::App* verb = app.add_subcommand("forward", "Run a net on a tensor file and write its logits");
  verb->add_option("file", options->file, "checkpoint")->required()->type_name("FILE");
  verb->add_option("--input", options->input, "safetensors file with \"input\" [N,C,H,W], used as it is (already normalised)")
      ->required()
      ->type_name("IN");
  verb->add_option("--output", options->output, "safetensors file to write: \"logits\" [N,classes], \"logits.<i>\" where there are several exits")
      ->required()
      ->type_name("OUT");
  verb->add_option("--mode", options->mode, "eval uses the running statistics, train those of the batch")
      ->check(CLI::IsMember({"eval", "train"}))
      ->capture_default_str();
  add_part_options(*verb, options->part, "the full width, all exits");
  verb->add_option("--seed", options->seed, "of what train mode draws (dropout)")->check(seed_value)->capture_default_str();
  add_precision_option(*verb, options->precision);
  add_device_options(*verb, options->device);
  verb->callback([options, &chosen] { chosen = [options] { return run_forward(*options); }; });
}

}  // namespace pliant::cli
