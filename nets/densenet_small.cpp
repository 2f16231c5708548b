// DenseNet-40 and DenseNet-BC-100 with growth 12 for small images (Huang et al., "Densely connected convolutional networks", 2017,
// section 4.2): a 3x3 stem, three blocks of 12 layers BN-ReLU-3x3, or of 16 layers BN-ReLU-1x1(48)-BN-ReLU-3x3; transitions that halve
// the size, and in the BC form the channels; BN, global average pooling, one linear layer. Names follow the network-slimming
// experiments. What follows a BN of the stream reads a selection BN.select of it. Each stage is one layer or transition.
#include "layers/dense_connection.h"
#include "nets/builder.h"

namespace pliant {

namespace {

constexpr std::int64_t kGrowth = 12;

struct Form {
  int layers;      // of each block
  bool bottleneck;
  std::int64_t stem;
};

// Adds one layer; returns the axis of its input and what it adds. `parts` are the axes that make up its input.
ChannelAxis& dense_layer(NetBuilder& build, const std::string& name, bool bottleneck, ChannelAxis& in, std::vector<ChannelAxis*>& parts) {
  auto branch = std::make_unique<Sequential>(name);
  ChannelAxis* read = &build.add_norm_and_selection(*branch, name + ".bn1", in);
  if (bottleneck) {
    ChannelAxis& inner = build.axis(name + ".conv1", 4 * kGrowth);
    build.add_conv_norm(*branch, name + ".conv1", Dim(*read), inner, {.kernel = 1}, name + ".bn2", Activation::relu);
    read = &inner;
  }
  const std::string last = name + (bottleneck ? ".conv2" : ".conv1");
  ChannelAxis& added = build.axis(last, kGrowth);
  branch->add(build.conv(last, Dim(*read), added, {.kernel = 3, .padding = 1}));
  parts.push_back(&added);
  ChannelAxis& out = build.store().axis(name, parts);
  build.stage(std::make_unique<DenseConnection>(name, std::move(branch)), out);
  return out;
}

ChannelAxis& transition(NetBuilder& build, const std::string& name, ChannelAxis& in, std::int64_t channels) {
  auto body = std::make_unique<Sequential>(name);
  ChannelAxis& out = build.axis(name + ".conv1", channels);
  ChannelAxis& read = build.add_norm_and_selection(*body, name + ".bn1", in);
  body->add(build.conv(name + ".conv1", Dim(read), out, {.kernel = 1}));
  body->add(std::make_unique<AveragePool>(name + ".pool", PoolGeometry{.size = 2, .stride = 2}));
  build.stage(std::move(body), out, {.group_end = true, .elastic = true});
  return out;
}

}  // namespace

Net build_small_densenet(const NetDescription& d) {
  const Form form = d.name == "densenet40" ? Form{12, false, d.stem == 0 ? 24 : d.stem} : Form{16, true, 24};
  PLIANT_REQUIRE(ConfigError, d.height >= 4 && d.width >= 4, d.name, ": halves the image twice, needs at least 4 x 4, got ", d.height, " x ",
                 d.width);
  NetBuilder build(d);
  std::int64_t channels = form.stem;
  ChannelAxis* stream = &build.axis("conv1", channels);
  build.stage(build.conv("conv1", Dim(d.channels), *stream, {.kernel = 3, .padding = 1}), *stream);
  for (int block = 1; block <= 3; ++block) {
    std::vector<ChannelAxis*> parts{stream};
    for (int i = 0; i < form.layers; ++i) stream = &dense_layer(build, cat("dense", block, ".", i), form.bottleneck, *stream, parts);
    channels += form.layers * kGrowth;
    if (block == 3) break;
    if (form.bottleneck) channels /= 2;
    stream = &transition(build, cat("trans", block), *stream, channels);
  }
  auto norm = std::make_unique<Sequential>("bn");
  ChannelAxis& read = build.add_norm_and_selection(*norm, "bn", *stream);
  return build.finish(std::move(norm), build.classifier("fc", read, d.height / 4, d.width / 4));
}

}  // namespace pliant
