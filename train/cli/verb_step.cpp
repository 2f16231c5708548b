#include <CLI/CLI.hpp>
#include <cmath>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <numeric>

#include "train/cli/common.h"
#include "train/cli/verbs.h"
#include "train/device_data.h"
#include "train/files/text.h"
#include "train/optimizer.h"

namespace pliant::cli {

namespace {

struct StepOptions {
  std::string file, batches, output, gradients, precision = "f32";
  double rate = 0.1;
  OptimizerOptions optimizer{.momentum = 0.0, .weight_decay = 0.0};
  std::uint64_t seed = 1;
  bool json = true;  // the losses are always JSON; the flag is there as on every verb that reports
  DeviceOptions device;
};

struct LabelledBatch {
  Tensor images, labels;
};

// input.0, label.0, input.1, ... without gaps and nothing else.
std::vector<LabelledBatch> read_batches(Context& context, const std::string& path, const NetDescription& net, DType dtype) {
  const SafetensorsReader reader(path);
  std::vector<LabelledBatch> batches;
  while (reader.find(cat("input.", batches.size())) || batches.empty()) {
    const std::string number = std::to_string(batches.size());
    const Tensor images = read_images(context, reader, "input." + number, net, dtype);
    const Tensor labels = read_labels(context, reader, "label." + number, images.shape()[0], net.classes);
    batches.push_back({images, labels});
  }
  PLIANT_REQUIRE(FileError, reader.entries().size() == 2 * batches.size(), path, ": holds ", reader.entries().size(),
                 " tensors; expected input.0, label.0 to input.", batches.size() - 1, ", label.", batches.size() - 1, " and nothing else");
  return batches;
}

// Adds the gradients of the mean loss over the batch, of all exits together; returns the loss.
double backward_pass(const Net& net, Context& context, const LabelledBatch& batch, const Tensor& key) {
  Tape tape;
  Pass pass{context, &tape, Mode::train};
  std::vector<std::int32_t> samples(static_cast<std::size_t>(batch.images.shape()[0]));
  std::iota(samples.begin(), samples.end(), 0);
  pass.random_key = key;
  pass.samples = Tensor::from_host(context, {batch.images.shape()[0]}, samples);
  std::vector<Tape::Root> roots;
  double total = 0.0;
  for (const Var& logits : forward(net, pass, {batch.images, &tape})) {
    Targets targets;
    targets.labels = batch.labels;
    roots.push_back({cross_entropy(logits, targets), {}});
    total += roots.back().value.value.to_doubles()[0];
  }
  tape.backward(roots);
  return total;
}

void require_finite(const char* flag, double value) {
  PLIANT_REQUIRE(UsageError, std::isfinite(value) && value >= 0.0, flag, ": expected a finite number of at least 0, got ", value);
}

int run_step(const StepOptions& options) {
  require_finite("--lr", options.rate);
  require_finite("--momentum", options.optimizer.momentum);
  require_finite("--weight-decay", options.optimizer.weight_decay);
  PLIANT_REQUIRE(ConfigError, !options.optimizer.nesterov || options.optimizer.momentum > 0.0, "--nesterov needs a --momentum above 0");
  const DType dtype = dtype_from(options.precision);
  const auto context = make_context(options.device, dtype);
  LoadedNet loaded = load_checkpoint(*context, options.file, dtype);
  const std::vector<LabelledBatch> batches = read_batches(*context, options.batches, loaded.net.description, dtype);
  Optimizer optimizer(*loaded.net.store, options.optimizer);
  std::vector<double> losses;
  for (const LabelledBatch& batch : batches) {
    optimizer.zero_gradients();
    const Tensor key = random_key(*context, options.seed, static_cast<std::uint32_t>(losses.size()));
    losses.push_back(backward_pass(loaded.net, *context, batch, key));
    PLIANT_REQUIRE(Error, std::isfinite(losses.back()), "the loss of batch ", losses.size() - 1, " is ", losses.back(),
                   "; nothing was written. Are the inputs finite, and is --lr too large?");
    if (losses.size() == 1 && !options.gradients.empty()) save_gradients(options.gradients, loaded.net);
    optimizer.step(options.rate);
  }
  loaded.info.trainer_state.clear();
  save_checkpoint(options.output, loaded.net, loaded.info);
  std::cout << nlohmann::ordered_json{{"losses", losses}}.dump() << "\n";
  return 0;
}

}  // namespace

void add_step(CLI::App& app, Verb& chosen) {
  auto options = std::make_shared<StepOptions>();
  CLI::App* verb = app.add_subcommand("step", "Take SGD steps on given batches, for comparison with other programs");
  verb->add_option("file", options->file, "checkpoint to start from; momentum starts at 0")->required()->type_name("FILE");
  verb->add_option("--batches", options->batches, "safetensors file with input.0 [N,C,H,W], label.0 [N] (I32, I64), input.1, ...; used as given")
      ->required()
      ->type_name("IN");
  verb->add_option("--output", options->output, "checkpoint to write")->required()->type_name("OUT");
  verb->add_option("--lr", options->rate, "learning rate")->required();
  verb->add_option("--momentum", options->optimizer.momentum, "momentum")->capture_default_str();
  verb->add_option("--weight-decay", options->optimizer.weight_decay, "L2 decay of all parameters")->capture_default_str();
  verb->add_flag("--nesterov", options->optimizer.nesterov, "Nesterov momentum");
  verb->add_option("--gradients", options->gradients, "also write the gradients of the first batch, without decay, under the parameters' names")
      ->type_name("FILE");
  verb->add_option("--seed", options->seed, "of what is drawn (dropout)")->check(seed_value)->capture_default_str();
  add_json_flag(*verb, options->json);
  add_precision_option(*verb, options->precision);
  add_device_options(*verb, options->device);
  verb->callback([options, &chosen] { chosen = [options] { return run_step(*options); }; });
}

}  // namespace pliant::cli
