// ResNet-20, -32, -44, -56, -110, -1202 for small images: a 3x3 stem with 16 channels, three groups of n blocks with 16, 32, 64
// channels, global average pooling, one linear layer; 6n + 2 layers (He et al., "Deep residual learning", 2016, section 4.2).
// Every residual branch reads a selection BLOCK.select of the stream (the "channel sampler" of He et al., "Channel pruning", 2017).
// Shortcut A where the size changes: 2x2 average pooling, zero channels appended, no parameters. B: 1x1 convolution and BN.
#include <algorithm>
#include <numeric>

#include "nets/builder.h"

namespace pliant {

namespace {

constexpr Conv2dOptions kConv3x3{.kernel = 3, .padding = 1};

LayerPtr shortcut_a(NetBuilder& build, const std::string& name, ChannelAxis& in, ChannelAxis& out) {
  std::vector<std::int32_t> map(static_cast<std::size_t>(out.full_size()), -1);
  std::iota(map.begin(), map.begin() + std::min(in.full_size(), out.full_size()), 0);
  auto shortcut = std::make_unique<Sequential>(name + ".downsample");
  shortcut->add(std::make_unique<AveragePool>(name + ".downsample.pool", PoolGeometry{.size = 2, .stride = 2}));
  shortcut->add(build.channel_map(name + ".downsample.pad", in, out, map));
  return shortcut;
}

LayerPtr shortcut_b(NetBuilder& build, const std::string& name, ChannelAxis& in, ChannelAxis& out) {
  auto shortcut = std::make_unique<Sequential>(name + ".downsample");
  build.add_conv_norm(*shortcut, name + ".downsample.0", Dim(in), out, {.kernel = 1, .stride = 2}, name + ".downsample.1", Activation::identity);
  return shortcut;
}

LayerPtr branch_of(NetBuilder& build, const std::string& name, ChannelAxis& in, ChannelAxis& out, std::int64_t channels) {
  ChannelAxis& inner = build.axis(name + ".conv1", channels);
  auto branch = std::make_unique<Sequential>(name);
  Conv2dOptions first = kConv3x3;
  if (&in != &out) first.stride = 2;
  ChannelAxis& read = build.add_selection(*branch, name + ".select", in);
  build.add_conv_norm(*branch, name + ".conv1", Dim(read), inner, first, name + ".bn1", Activation::relu);
  build.add_conv_norm(*branch, name + ".conv2", Dim(inner), out, kConv3x3, name + ".bn2", Activation::identity);
  return branch;
}

LayerPtr basic_block(NetBuilder& build, const std::string& name, ChannelAxis& in, ChannelAxis& out, std::int64_t channels) {
  LayerPtr branch, shortcut;
  if (!build.next_block_removed()) branch = branch_of(build, name, in, out, channels);
  if (&in != &out) shortcut = build.description().shortcut == 'A' ? shortcut_a(build, name, in, out) : shortcut_b(build, name, in, out);
  return build.residual(name, std::move(branch), std::move(shortcut));
}

}  // namespace

Net build_resnet(const NetDescription& d) {
  const int depth = std::stoi(d.name.substr(6));
  const int blocks = (depth - 2) / 6;
  PLIANT_REQUIRE(ConfigError, d.shortcut == 'A' || d.shortcut == 'B', d.name, ": the shortcut is A or B, got ", d.shortcut);
  PLIANT_REQUIRE(ConfigError, d.height % 4 == 0 && d.width % 4 == 0, d.name, ": halves the image twice; ", d.height, " x ", d.width,
                 " is not divisible by 4");
  NetBuilder build(d);
  ChannelAxis* stream = &build.axis("layer1", 16);
  auto stem = std::make_unique<Sequential>("stem");
  build.add_conv_norm(*stem, "conv1", Dim(d.channels), *stream, kConv3x3, "bn1", Activation::relu);
  build.stage(std::move(stem), *stream);
  for (int group = 1; group <= 3; ++group) {
    const std::int64_t channels = 8 << group;
    ChannelAxis& out = group == 1 ? *stream : build.axis(cat("layer", group), channels);
    for (int i = 0; i < blocks; ++i) {
      LayerPtr block = basic_block(build, cat("layer", group, ".", i), *stream, out, channels);
      stream = &out;
      if (group == 3 && i == blocks - 1) return build.finish(std::move(block), build.classifier("fc", out, d.height / 4, d.width / 4));
      build.stage(std::move(block), out, {.group_end = i == blocks - 1, .elastic = true});
    }
  }
  PLIANT_INVARIANT(false, "a residual net has at least one block per group");
  return {};
}

}  // namespace pliant
