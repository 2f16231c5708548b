// DenseNet-121 and -169 for large images (Huang et al., "Densely connected convolutional networks", 2017, table 1), with torchvision's
// names: 7x7 convolution and max pooling, four blocks of layers that each add 32 channels to what they read (a 1x1 convolution to 128,
// then 3x3), transitions that halve channels and size, BN, global average pooling, one linear layer. Each stage is one layer or transition.
// What follows a BN of the stream reads a selection BN.select of it (Liu et al., "Network slimming", 2017).
#include "layers/dense_connection.h"
#include "nets/builder.h"

namespace pliant {

namespace {

constexpr std::int64_t kGrowth = 32;

// Adds one layer; returns the axis of its input and what it adds. `parts` are the axes that make up its input.
ChannelAxis& dense_layer(NetBuilder& build, const std::string& name, ChannelAxis& in, std::vector<ChannelAxis*>& parts) {
  ChannelAxis& inner = build.axis(name + ".conv1", 4 * kGrowth);
  ChannelAxis& added = build.axis(name + ".conv2", kGrowth);
  parts.push_back(&added);
  ChannelAxis& out = build.store().axis(name, parts);
  auto branch = std::make_unique<Sequential>(name);
  ChannelAxis& read = build.add_norm_and_selection(*branch, name + ".norm1", in);
  build.add_conv_norm(*branch, name + ".conv1", Dim(read), inner, {.kernel = 1}, name + ".norm2", Activation::relu);
  branch->add(build.conv(name + ".conv2", Dim(inner), added, {.kernel = 3, .padding = 1}));
  build.stage(std::make_unique<DenseConnection>(name, std::move(branch)), out);
  return out;
}

// Half of the channels, half of the size.
ChannelAxis& transition(NetBuilder& build, const std::string& name, ChannelAxis& in, std::int64_t channels, const PoolGeometry& pool) {
  ChannelAxis& out = build.axis(name, channels);
  auto body = std::make_unique<Sequential>(name);
  ChannelAxis& read = build.add_norm_and_selection(*body, name + ".norm", in);
  body->add(build.conv(name + ".conv", Dim(read), out, {.kernel = 1}));
  body->add(std::make_unique<AveragePool>(name + ".pool", pool));
  build.stage(std::move(body), out, {.group_end = true, .elastic = true});
  return out;
}

}  // namespace

Net build_densenet(const NetDescription& d) {
  const int blocks[] = {6, 12, d.name == "densenet121" ? 24 : 32, d.name == "densenet121" ? 16 : 32};
  constexpr Conv2dOptions kFirst{.kernel = 7, .stride = 2, .padding = 3};
  constexpr PoolGeometry kPool{.size = 3, .stride = 2, .padding = 1}, kHalving{.size = 2, .stride = 2};
  PLIANT_REQUIRE(ConfigError, d.height >= 29 && d.width >= 29, d.name, ": halves the image five times, needs at least 29 x 29, got ",
                 d.height, " x ", d.width);
  NetBuilder build(d);
  MapSize map = MapSize{d.height, d.width}.after(kFirst).after(kPool);

  ChannelAxis* stream = &build.axis("features.conv0", 64);
  std::int64_t channels = 64;
  auto stem = std::make_unique<Sequential>("stem");
  build.add_conv_norm(*stem, "features.conv0", Dim(d.channels), *stream, kFirst, "features.norm0", Activation::relu);
  stem->add(std::make_unique<MaxPool>("features.pool0", kPool));
  build.stage(std::move(stem), *stream);

  for (int block = 0; block < 4; ++block) {
    std::vector<ChannelAxis*> parts{stream};
    for (int i = 0; i < blocks[block]; ++i) {
      stream = &dense_layer(build, cat("features.denseblock", block + 1, ".denselayer", i + 1), *stream, parts);
    }
    if (block == 3) break;
    channels = (channels + blocks[block] * kGrowth) / 2;
    stream = &transition(build, cat("features.transition", block + 1), *stream, channels, kHalving);
    map = map.after(kHalving);
  }
  auto norm = std::make_unique<Sequential>("features.norm5");
  ChannelAxis& read = build.add_norm_and_selection(*norm, "features.norm5", *stream);
  return build.finish(std::move(norm), build.classifier("classifier", read, map.rows, map.columns));
}

}  // namespace pliant
