#include <CLI/CLI.hpp>
#include <cmath>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <numeric>

#include "nets/json.h"
#include "train/cli/common.h"
#include "train/cli/train_flags.h"
#include "train/cli/verbs.h"
#include "train/files/text.h"
#include "train/train_step.h"

namespace pliant::cli {

namespace {

struct StepOptions {
  std::string file, batches, output, gradients, precision = "f32";
  double rate = 0.1;
  TrainFlags flags;  // those of the optimizer and of dynamic nets alone
  std::uint64_t seed = 1;
  bool json = true;  // the losses are always JSON; the flag is there as on every verb that reports
  DeviceOptions device;
};

// input.0, label.0, input.1, ... without gaps and nothing else.
std::vector<Batch> read_batches(Context& context, const std::string& path, const NetDescription& net, DType dtype) {
  const SafetensorsReader reader(path);
  std::vector<Batch> batches;
  while (reader.find(cat("input.", batches.size())) || batches.empty()) {
    const std::string number = std::to_string(batches.size());
    const Tensor images = read_images(context, reader, "input." + number, net, dtype);
    const Tensor labels = read_labels(context, reader, "label." + number, images.shape()[0], net.classes);
    std::vector<std::int32_t> samples(static_cast<std::size_t>(images.shape()[0]));
    std::iota(samples.begin(), samples.end(), 0);
    batches.push_back({images, labels, Tensor::from_host(context, {images.shape()[0]}, samples)});
  }
  PLIANT_REQUIRE(FileError, reader.entries().size() == 2 * batches.size(), path, ": holds ", reader.entries().size(),
                 " tensors; expected input.0, label.0 to input.", batches.size() - 1, ", label.", batches.size() - 1, " and nothing else");
  return batches;
}

TrainConfig config_of(const StepOptions& options) {
  TrainConfig config;
  config.optimizer = {.momentum = 0.0};
  options.flags.apply(config);
  config.seed = options.seed;
  return config;
}

int run_step(const StepOptions& options) {
  TrainConfig config = config_of(options);
  const DType dtype = dtype_from(options.precision);
  const auto context = make_context(options.device, dtype);
  LoadedNet loaded = load_checkpoint(*context, options.file, dtype);
  const std::vector<Batch> batches = read_batches(*context, options.batches, loaded.net.description, dtype);
  config.epochs = static_cast<std::int64_t>(batches.size());  // of one step each, so that what depends on the epoch can be followed too
  TrainStep step(loaded.net, config);
  Tensor loss_sum(*context, {1}, dtype), correct = Tensor::zeros(*context, {1}, DType::i32);
  std::vector<double> losses;
  for (const Batch& batch : batches) {
    const auto epoch = static_cast<std::int64_t>(losses.size());
    step.begin_epoch(epoch, 0);
    loss_sum.zero();
    step.run(batch, random_key(*context, options.seed, static_cast<std::uint32_t>(epoch)), epoch, 0, options.rate, loss_sum, correct);
    losses.push_back(loss_sum.to_doubles()[0] / static_cast<double>(batch.labels.size()));
    PLIANT_REQUIRE(Error, std::isfinite(losses.back()), "the loss of batch ", epoch, " is ", losses.back(),
                   "; nothing was written. Are the inputs finite, and is --lr too large?");
    if (epoch == 0 && !options.gradients.empty()) save_gradients(options.gradients, loaded.net);
  }
  loaded.info.trainer_state.clear();
  save_checkpoint(options.output, loaded.net, loaded.info);
  std::cout << json_text(nlohmann::ordered_json{{"losses", losses}}) << "\n";
  return 0;
}

}  // namespace

void add_step(CLI::App& app, Verb& chosen) {
  auto options = std::make_shared<StepOptions>();
  CLI::App* verb = app.add_subcommand("step", "Take training steps on given batches, for comparison with other programs");
  verb->add_option("file", options->file, "checkpoint to start from; the optimizer starts afresh")->required()->type_name("FILE");
  verb->add_option("--batches", options->batches, "safetensors file with input.0 [N,C,H,W], label.0 [N] (I32, I64), input.1, ...; used as given")
      ->required()
      ->type_name("IN");
  verb->add_option("--output", options->output, "checkpoint to write")->required()->type_name("OUT");
  verb->add_option("--lr", options->rate, "learning rate")->required()->check(non_negative);
  add_optimizer_flags(*verb, options->flags);
  add_dynamic_flags(*verb, options->flags.dynamic);
  verb->remove_option(verb->get_option("--log-gradients"));  // it goes into the folder of a run
  verb->add_option("--gradients", options->gradients, "also write the gradients of the first batch, without decay, under the parameters' names")
      ->type_name("FILE");
  verb->add_option("--seed", options->seed, "of what is drawn: widths, gates, dropout")->check(seed_value)->capture_default_str();
  add_json_flag(*verb, options->json);
  add_precision_option(*verb, options->precision);
  add_device_options(*verb, options->device);
  verb->callback([options, &chosen] { chosen = [options] { return run_step(*options); }; });
}

}  // namespace pliant::cli
