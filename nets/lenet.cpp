// LeNet-5 (after LeCun et al., 1998) with ReLU and max pooling: 5x5 convolutions with 6 and 16 channels, then 120, 84 and the
// classes. 28 x 28 images are padded by 2, as the 32 x 32 of the paper.
#include "nets/builder.h"

namespace pliant {

Net build_lenet5(const NetDescription& d) {
  const int padding = d.height == 28 && d.width == 28 ? 2 : 0;
  const std::int64_t rows = ((d.height + 2 * padding - 4) / 2 - 4) / 2, columns = ((d.width + 2 * padding - 4) / 2 - 4) / 2;
  PLIANT_REQUIRE(ConfigError, rows >= 1 && columns >= 1, d.name, ": needs images of at least 16 x 16, got ", d.height, " x ", d.width);
  NetBuilder build(d);
  const PoolGeometry pool{.size = 2, .stride = 2};

  ChannelAxis& first = build.axis("conv1", 6);
  auto body1 = std::make_unique<Sequential>("conv1");
  build.add_conv_relu(*body1, "conv1", Dim(d.channels), first, {.kernel = 5, .padding = padding, .bias = true}, "relu1");
  body1->add(std::make_unique<MaxPool>("pool1", pool));
  build.stage(std::move(body1), first);

  ChannelAxis& second = build.axis("conv2", 16);
  auto body2 = std::make_unique<Sequential>("conv2");
  build.add_conv_relu(*body2, "conv2", Dim(first), second, {.kernel = 5, .bias = true}, "relu2");
  body2->add(std::make_unique<MaxPool>("pool2", pool));

  ChannelAxis &hidden1 = build.axis("fc1", 120), &hidden2 = build.axis("fc2", 84);
  auto head = std::make_unique<Sequential>("classifier");
  head->add(std::make_unique<Linear>(build.store(), "fc1", rows, columns, Dim(second), Dim(hidden1)));
  head->add(std::make_unique<ActivationLayer>("relu3", Activation::relu));
  head->add(std::make_unique<Linear>(build.store(), "fc2", 1, 1, Dim(hidden1), Dim(hidden2)));
  head->add(std::make_unique<ActivationLayer>("relu4", Activation::relu));
  head->add(std::make_unique<Linear>(build.store(), "fc3", 1, 1, Dim(hidden2), Dim(d.classes)));
  return build.finish(std::move(body2), std::move(head));
}

}  // namespace pliant
