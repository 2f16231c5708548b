// ResNet-34 and -50 for large images (He et al., "Deep residual learning", 2016, table 1), with torchvision's names and its stride in the
// first 3x3 convolution: 7x7 convolution and max pooling, 3, 4, 6 and 3 blocks of two 3x3 convolutions or of a bottleneck, global average
// pooling, one linear layer. Every residual branch reads a selection BLOCK.select of the stream ("channel sampler", He et al., 2017).
// With the "head" bias, ResNet-50's 1x1 convolutions of shortcuts have biases, as in the released forms of ThiNet and of He et al.
#include "nets/builder.h"

namespace pliant {

namespace {

struct Block {
  std::string name;
  std::int64_t channels;  // of the inner convolutions
  int stride;
  bool bottleneck, biased_shortcut;
};

LayerPtr branch_of(NetBuilder& build, const Block& b, ChannelAxis& in, ChannelAxis& out) {
  const auto name = [&](const char* layer, int i) { return cat(b.name, ".", layer, i); };
  auto branch = std::make_unique<Sequential>(b.name);
  ChannelAxis* read = &build.add_selection(*branch, b.name + ".select", in);
  int convolution = 0;
  const auto add = [&](ChannelAxis& written, const Conv2dOptions& options, Activation f) {
    ++convolution;
    build.add_conv_norm(*branch, name("conv", convolution), Dim(*read), written, options, name("bn", convolution), f);
    read = &written;
  };
  ChannelAxis& first = build.axis(name("conv", 1), b.channels);
  if (b.bottleneck) {
    ChannelAxis& second = build.axis(name("conv", 2), b.channels);
    add(first, {.kernel = 1}, Activation::relu);
    add(second, {.kernel = 3, .stride = b.stride, .padding = 1}, Activation::relu);
    add(out, {.kernel = 1}, Activation::identity);
  } else {
    add(first, {.kernel = 3, .stride = b.stride, .padding = 1}, Activation::relu);
    add(out, {.kernel = 3, .padding = 1}, Activation::identity);
  }
  return branch;
}

LayerPtr block(NetBuilder& build, const Block& b, ChannelAxis& in, ChannelAxis& out) {
  LayerPtr branch, shortcut;
  if (!build.next_block_removed()) branch = branch_of(build, b, in, out);
  if (&in != &out) {
    auto projection = std::make_unique<Sequential>(b.name + ".downsample");
    build.add_conv_norm(*projection, b.name + ".downsample.0", Dim(in), out, {.kernel = 1, .stride = b.stride, .bias = b.biased_shortcut},
                        b.name + ".downsample.1", Activation::identity);
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
  const bool bottleneck = d.name == "resnet50";
  NetBuilder build(d);
  MapSize map = MapSize{d.height, d.width}.after(kFirst).after(kPool);

  ChannelAxis* stream = &build.axis("conv1", 64);
  auto stem = std::make_unique<Sequential>("stem");
  build.add_conv_norm(*stem, "conv1", Dim(d.channels), *stream, kFirst, "bn1", Activation::relu);
  stem->add(std::make_unique<MaxPool>("maxpool", kPool));
  build.stage(std::move(stem), *stream);

  for (int group = 0; group < 4; ++group) {
    const std::int64_t channels = std::int64_t{64} << group;
    const bool same = group == 0 && !bottleneck;  // the first group of ResNet-34 goes on with the stem's channels
    ChannelAxis& out = same ? *stream : build.axis(cat("layer", group + 1), bottleneck ? 4 * channels : channels);
    if (group > 0) map = map.after(kHalving);
    for (int i = 0; i < kBlocks[group]; ++i) {
      const bool last = i == kBlocks[group] - 1;
      const Block b{cat("layer", group + 1, ".", i), channels, group > 0 && i == 0 ? 2 : 1, bottleneck, d.head == "bias"};
      LayerPtr body = block(build, b, *stream, out);
      stream = &out;
      if (last && group == 3) return build.finish(std::move(body), build.classifier("fc", out, map.rows, map.columns));
      build.stage(std::move(body), out, {.group_end = last, .elastic = true});
    }
  }
  PLIANT_INVARIANT(false, "these nets have four groups");
  return {};
}

}  // namespace pliant
