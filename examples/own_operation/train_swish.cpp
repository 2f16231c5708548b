// Trains a small slimmable net with Swish by the policy RandomPair and prints each width's accuracy.
// usage: train_swish DATA OUT [EPOCHS]     DATA: a folder of images as `pliant train --data` takes it, or "synthetic"; OUT: a new folder
#include <iostream>

#include "nets/builder.h"
#include "nets/widths.h"
#include "nets/zoo.h"
#include "random_pair.h"
#include "swish.h"
#include "train/trainer.h"

using namespace pliant;

namespace {

// Convolution with stride 2, batch norm, Swish.
LayerPtr group(NetBuilder& build, const std::string& name, Dim in, ChannelAxis& out) {
  auto layers = std::make_unique<Sequential>(name);
  layers->add(build.conv(name + ".conv", in, out, {.kernel = 3, .stride = 2, .padding = 1}));
  layers->add(build.batch_norm(name + ".bn", out, Activation::identity));
  layers->add(std::make_unique<own::Swish>(build.store(), name + ".swish", out));
  return layers;
}

Net build_swish_net(const NetDescription& d) {
  NetBuilder build(d);
  ChannelAxis &first = build.axis("first", 16), &second = build.axis("second", 32);
  build.stage(group(build, "first", Dim(d.channels), first), first);
  LayerPtr last = group(build, "second", Dim(first), second);
  const MapSize map = MapSize{d.height, d.width}.after(Conv2dOptions{.stride = 2, .padding = 1}).after(Conv2dOptions{.stride = 2, .padding = 1});
  return build.finish(std::move(last), build.classifier("fc", second, map.rows, map.columns));
}

void run(const std::string& data, const std::string& out, std::int64_t epochs) {
  Context context(is_usable(Device::cuda) ? Device::cuda : Device::cpu);
  TrainConfig config{.epochs = epochs, .batch = 64, .rate = 0.2};
  config.data.source = data;
  config.data.synthetic = {.train = 3000, .test = 500, .height = 16, .width = 16};
  const Splits splits = load_data(config.data);

  NetDescription d = default_description("swish-net");
  d.height = splits.train.height, d.width = splits.train.width, d.channels = splits.train.channels, d.classes = splits.train.classes;
  add_widths(d, {0.25, 0.5, 0.75, 1.0}, WidthRounding::truncate, WidthStatistics::switchable);
  Net net = build_net(d);
  net.store->allocate(context, DType::f32);
  initialise(net, config.seed);

  const RunFolder folder(out, false);
  Trainer trainer(net, splits, config, folder, StepGraphMode::automatic, std::make_unique<RandomPair>(net, config.seed));
  const TrainResult result = trainer.run(standard_error_output(), [] { return false; });
  for (const RowFigures& row : result.test_rows) std::cout << "width " << row.width << ": accuracy " << row.figures.accuracy << "\n";
  std::cout << "slopes of the first group are now ";
  for (const double slope : net.store->find("first.swish.slope")->value.to_doubles()) std::cout << slope << " ";
  std::cout << "\n";
}

}  // namespace

int main(int arguments, char** argument) {
  if (arguments < 3 || arguments > 4) {
    std::cerr << "usage: train_swish DATA OUT [EPOCHS]\n";
    return 2;
  }
  try {
    NetDescription description;
    description.name = "swish-net";
    add_net(description, build_swish_net);
    run(argument[1], argument[2], arguments == 4 ? std::stoll(argument[3]) : 5);
    return 0;
  } catch (const std::exception& error) {
    std::cerr << "train_swish: " << error.what() << "\n";
    return 1;
  }
}
