// PreResNet-20, -29, -56, -110, -164 for small images: residual nets with pre-activation (He et al., "Identity mappings in deep residual
// networks", 2016) in the form of the network-slimming experiments: a 3x3 stem without BN, three groups of n bottlenecks whose inner
// convolutions have 16, 32, 64 channels, BN, global average pooling, one linear layer; 9n + 2 layers. The first block of a group takes
// its shortcut through a 1x1 convolution of the raw stream. What follows a BN of the stream reads a selection BN.select of it.
#include "nets/builder.h"

namespace pliant {

namespace {

struct Block {
  std::string name;
  std::int64_t channels;  // of the inner convolutions
  int stride;
};

LayerPtr branch_of(NetBuilder& build, const Block& b, ChannelAxis& in, ChannelAxis& out) {
  ChannelAxis& first = build.axis(b.name + ".conv1", b.channels);
  ChannelAxis& second = build.axis(b.name + ".conv2", b.channels);
  auto branch = std::make_unique<Sequential>(b.name);
  ChannelAxis& read = build.add_norm_and_selection(*branch, b.name + ".bn1", in);
  build.add_conv_norm(*branch, b.name + ".conv1", Dim(read), first, {.kernel = 1}, b.name + ".bn2", Activation::relu);
  build.add_conv_norm(*branch, b.name + ".conv2", Dim(first), second, {.kernel = 3, .stride = b.stride, .padding = 1}, b.name + ".bn3", Activation::relu);
  branch->add(build.conv(b.name + ".conv3", Dim(second), out, {.kernel = 1}));
  return branch;
}

LayerPtr bottleneck(NetBuilder& build, const Block& b, ChannelAxis& in, ChannelAxis& out) {
  LayerPtr branch, shortcut;
  if (!build.next_block_removed()) branch = branch_of(build, b, in, out);
  if (&in != &out) shortcut = build.conv(b.name + ".downsample.0", Dim(in), out, {.kernel = 1, .stride = b.stride});
  return build.residual(b.name, std::move(branch), std::move(shortcut), Activation::identity);
}

}  // namespace

Net build_preresnet(const NetDescription& d) {
  const int blocks = (std::stoi(d.name.substr(9)) - 2) / 9;
  PLIANT_REQUIRE(ConfigError, d.height % 4 == 0 && d.width % 4 == 0, d.name, ": halves the image twice; ", d.height, " x ", d.width,
                 " is not divisible by 4");
  NetBuilder build(d);
  ChannelAxis* stream = &build.axis("conv1", 16);
  build.stage(build.conv("conv1", Dim(d.channels), *stream, {.kernel = 3, .padding = 1}), *stream);
  for (int group = 1; group <= 3; ++group) {
    const std::int64_t channels = 8 << group;
    ChannelAxis& out = build.axis(cat("layer", group), 4 * channels);
    for (int i = 0; i < blocks; ++i) {
      LayerPtr block = bottleneck(build, {cat("layer", group, ".", i), channels, group > 1 && i == 0 ? 2 : 1}, *stream, out);
      stream = &out;
      const bool last = i == blocks - 1, very_last = last && group == 3;  // after which BN and the last head stand
      build.stage(std::move(block), out, {.group_end = last && !very_last, .elastic = !very_last});
    }
  }
  auto norm = std::make_unique<Sequential>("bn");
  ChannelAxis& read = build.add_norm_and_selection(*norm, "bn", *stream);
  return build.finish(std::move(norm), build.classifier("fc", read, d.height / 4, d.width / 4));
}

}  // namespace pliant
