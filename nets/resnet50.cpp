// ResNet-50 for large images (He et al., "Deep residual learning", 2016, table 1), with torchvision's names and its stride in the 3x3
// convolution: 7x7 convolution and max pooling, 3, 4, 6 and 3 bottlenecks, global average pooling, one linear layer.
#include "nets/builder.h"

namespace pliant {

namespace {

struct Bottleneck {
  std::string name;
  std::int64_t channels;  // of the two inner convolutions
  int stride;
};

LayerPtr branch_of(NetBuilder& build, const Bottleneck& b, ChannelAxis& in, ChannelAxis& out) {
  ChannelAxis& first = build.axis(b.name + ".conv1", b.channels);
  ChannelAxis& second = build.axis(b.name + ".conv2", b.channels);
  auto branch = std::make_unique<Sequential>(b.name);
  branch->add(build.conv(b.name + ".conv1", Dim(in), first, {.kernel = 1}));
  branch->add(build.batch_norm(b.name + ".bn1", first, Activation::relu));
  branch->add(build.conv(b.name + ".conv2", Dim(first), second, {.kernel = 3, .stride = b.stride, .padding = 1}));
  branch->add(build.batch_norm(b.name + ".bn2", second, Activation::relu));
  branch->add(build.conv(b.name + ".conv3", Dim(second), out, {.kernel = 1}));
  branch->add(build.batch_norm(b.name + ".bn3", out, Activation::identity));
  return branch;
}

LayerPtr bottleneck(NetBuilder& build, const Bottleneck& b, ChannelAxis& in, ChannelAxis& out) {
  LayerPtr branch, shortcut;
  if (!build.next_block_removed()) branch = branch_of(build, b, in, out);
  if (&in != &out) {
    auto projection = std::make_unique<Sequential>(b.name + ".downsample");
    projection->add(build.conv(b.name + ".downsample.0", Dim(in), out, {.kernel = 1, .stride = b.stride}));
    projection->add(build.batch_norm(b.name + ".downsample.1", out, Activation::identity));
    shortcut = std::move(projection);
  }
  return build.residual(b.name, std::move(branch), std::move(shortcut));
}

}  // namespace

Net build_resnet50(const NetDescription& d) {
  constexpr int kBlocks[] = {3, 4, 6, 3};
  constexpr Conv2dOptions kFirst{.kernel = 7, .stride = 2, .padding = 3};
  constexpr Conv2dOptions kHalving{.kernel = 3, .stride = 2, .padding = 1};
  constexpr PoolGeometry kPool{.size = 3, .stride = 2, .padding = 1};
  PLIANT_REQUIRE(ConfigError, d.shortcut == 'A', d.name,
                 ": has 1x1 convolutions in its shortcuts; a choice of shortcut is for ResNets of 6n + 2 layers");
  NetBuilder build(d);
  MapSize map = MapSize{d.height, d.width}.after(kFirst).after(kPool);

  ChannelAxis& first = build.axis("conv1", 64);
  auto stem = std::make_unique<Sequential>("stem");
  stem->add(build.conv("conv1", Dim(d.channels), first, kFirst));
  stem->add(build.batch_norm("bn1", first, Activation::relu));
  stem->add(std::make_unique<MaxPool>("maxpool", kPool));
  build.stage(std::move(stem), first);

  ChannelAxis* stream = &first;
  for (int group = 0; group < 4; ++group) {
    const std::int64_t channels = std::int64_t{64} << group;
    ChannelAxis& out = build.axis(cat("layer", group + 1), 4 * channels);
    if (group > 0) map = map.after(kHalving);
    for (int i = 0; i < kBlocks[group]; ++i) {
      const bool last = i == kBlocks[group] - 1;
      LayerPtr block = bottleneck(build, {cat("layer", group + 1, ".", i), channels, group > 0 && i == 0 ? 2 : 1}, *stream, out);
      stream = &out;
      if (last && group == 3) return build.finish(std::move(block), build.classifier("fc", out, map.rows, map.columns));
      build.stage(std::move(block), out, {.group_end = last, .elastic = true});
    }
  }
  PLIANT_INVARIANT(false, "ResNet-50 has four groups");
  return {};
}

}  // namespace pliant
