// ResNet-50 with pre-activation, the net of the experiments on sparse structure selection (Huang and Wang, 2018; after He et al.,
// "Identity mappings in deep residual networks", 2016): 7x7 convolution, BN and max pooling, 3, 4, 6 and 3 bottlenecks with the stride in
// the 3x3 convolution, BN, global average pooling, one linear layer. The first block of a group projects ReLU(bn1(x)) by a 1x1
// convolution; bn1 and the projection stay when its branch is removed. Branches and the classifier read selections BN.select.
#include "nets/builder.h"

namespace pliant {

namespace {

struct Block {
  std::string name;
  std::int64_t channels;  // of the inner convolutions
  int stride;
};

// What follows bn1.
void add_convolutions(NetBuilder& build, const Block& b, ChannelAxis& read, ChannelAxis& out, Sequential& branch) {
  ChannelAxis& first = build.axis(b.name + ".conv1", b.channels);
  ChannelAxis& second = build.axis(b.name + ".conv2", b.channels);
  build.add_conv_norm(branch, b.name + ".conv1", Dim(read), first, {.kernel = 1}, b.name + ".bn2", Activation::relu);
  build.add_conv_norm(branch, b.name + ".conv2", Dim(first), second, {.kernel = 3, .stride = b.stride, .padding = 1}, b.name + ".bn3", Activation::relu);
  branch.add(build.conv(b.name + ".conv3", Dim(second), out, {.kernel = 1}));
}

LayerPtr projecting_block(NetBuilder& build, const Block& b, ChannelAxis& in, ChannelAxis& out) {
  auto block = std::make_unique<Sequential>(b.name);
  block->add(build.batch_norm(b.name + ".bn1", in, Activation::relu));
  std::unique_ptr<Sequential> branch;
  if (!build.next_block_removed()) {
    branch = std::make_unique<Sequential>(b.name);
    add_convolutions(build, b, build.add_selection(*branch, b.name + ".bn1.select", in), out, *branch);
  }
  LayerPtr projection = build.conv(b.name + ".downsample.0", Dim(in), out, {.kernel = 1, .stride = b.stride});
  block->add(build.residual(b.name, std::move(branch), std::move(projection), Activation::identity));
  return block;
}

LayerPtr block_of(NetBuilder& build, const Block& b, ChannelAxis& in, ChannelAxis& out) {
  if (&in != &out) return projecting_block(build, b, in, out);
  std::unique_ptr<Sequential> branch;
  if (!build.next_block_removed()) {
    branch = std::make_unique<Sequential>(b.name);
    add_convolutions(build, b, build.add_norm_and_selection(*branch, b.name + ".bn1", in), out, *branch);
  }
  return build.residual(b.name, std::move(branch), nullptr, Activation::identity);
}

}  // namespace

Net build_preresnet50(const NetDescription& d) {
  constexpr int kBlocks[] = {3, 4, 6, 3};
  constexpr Conv2dOptions kFirst{.kernel = 7, .stride = 2, .padding = 3};
  constexpr Conv2dOptions kHalving{.kernel = 3, .stride = 2, .padding = 1};
  constexpr PoolGeometry kPool{.size = 3, .stride = 2, .padding = 1};
  NetBuilder build(d);
  MapSize map = MapSize{d.height, d.width}.after(kFirst).after(kPool);

  ChannelAxis* stream = &build.axis("conv1", 64);
  auto stem = std::make_unique<Sequential>("stem");
  build.add_conv_norm(*stem, "conv1", Dim(d.channels), *stream, kFirst, "bn1", Activation::relu);
  stem->add(std::make_unique<MaxPool>("maxpool", kPool));
  build.stage(std::move(stem), *stream);

  for (int group = 0; group < 4; ++group) {
    const std::int64_t channels = std::int64_t{64} << group;
    ChannelAxis& out = build.axis(cat("layer", group + 1), 4 * channels);
    if (group > 0) map = map.after(kHalving);
    for (int i = 0; i < kBlocks[group]; ++i) {
      LayerPtr block = block_of(build, {cat("layer", group + 1, ".", i), channels, group > 0 && i == 0 ? 2 : 1}, *stream, out);
      stream = &out;
      const bool last = i == kBlocks[group] - 1, very_last = last && group == 3;  // after which BN and the last head stand
      build.stage(std::move(block), out, {.group_end = last && !very_last, .elastic = !very_last});
    }
  }
  auto norm = std::make_unique<Sequential>("bn");
  ChannelAxis& read = build.add_norm_and_selection(*norm, "bn", *stream);
  return build.finish(std::move(norm), build.classifier("fc", read, map.rows, map.columns));
}

}  // namespace pliant
