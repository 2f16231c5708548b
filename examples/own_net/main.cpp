// Trains a net of one's own (pocket.cpp) at two widths with two exits, evaluates each, and cuts the smallest out as a plain net.
// usage: own_net DATA OUT [EPOCHS]     DATA: a folder of images as `pliant train --data` takes it, or "synthetic"; OUT: a new folder
#include <iostream>

#include "nets/extract.h"
#include "nets/widths.h"
#include "nets/zoo.h"
#include "pocket.h"
#include "train/checkpoint.h"
#include "train/trainer.h"

using namespace pliant;

namespace {

// The net for these images: 0.5 and 1.0 of its channels, and a second classifier behind the first block.
NetDescription describe(const Dataset& images) {
  NetDescription d = default_description("pocket");
  d.height = images.height, d.width = images.width, d.channels = images.channels, d.classes = images.classes;
  d.exits = {1};
  add_widths(d, {0.5, 1.0}, WidthRounding::truncate, WidthStatistics::switchable);
  return d;
}

void run(const std::string& data, const std::string& out, std::int64_t epochs) {
  Context context(is_usable(Device::cuda) ? Device::cuda : Device::cpu);
  TrainConfig config{.epochs = epochs, .batch = 64, .rate = 0.2};
  config.augmentation = parse_augmentation("crop,flip");
  config.data.source = data;
  config.data.synthetic = {.train = 3000, .test = 500, .height = 16, .width = 16};
  const Splits splits = load_data(config.data);

  Net net = build_net(describe(splits.train));
  net.store->allocate(context, DType::f32);
  initialise(net, config.seed);
  std::cout << net.description.name << ": " << net.store->trainable_count() << " parameters, " << net.widths() << " widths, " << net.exits()
            << " exits\n";

  const RunFolder folder(out, false);
  Trainer trainer(net, splits, config, folder);
  const TrainResult result = trainer.run(standard_error_output(), [] { return false; });
  for (const RowFigures& row : result.test_rows) {
    std::cout << "width " << row.width << ", exit " << row.exit << ": accuracy " << row.figures.accuracy << "\n";
  }

  const Net best = load_checkpoint(context, result.checkpoint).net;
  const Net small = extract(best, {.width = width_index(best.description, 0.5), .exit = 0});
  save_checkpoint(folder.file("small.safetensors"), small, {splits.train.class_names, splits.normalisation});
  std::cout << folder.file("small.safetensors") << ": " << cost(small).parameters << " parameters, " << cost(small).macs
            << " multiply-accumulates instead of " << cost(best).parameters << " and " << cost(best).macs << "\n";
}

}  // namespace

int main(int arguments, char** argument) {
  if (arguments < 3 || arguments > 4) {
    std::cerr << "usage: own_net DATA OUT [EPOCHS]\n";
    return 2;
  }
  try {
    add_net(pocket_description(), build_pocket);  // from here on Pliant knows it: for checkpoints, widths, extraction, pruning
    run(argument[1], argument[2], arguments == 4 ? std::stoll(argument[3]) : 5);
    return 0;
  } catch (const std::exception& error) {
    std::cerr << "own_net: " << error.what() << "\n";
    return 1;
  }
}
