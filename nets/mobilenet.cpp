// MobileNet v1 (Howard et al., "MobileNets", 2017, table 1): a 3x3 convolution to 32 channels, 13 blocks of a depthwise 3x3 and a 1x1
// convolution, each with BN and ReLU, global average pooling, one linear layer. Images below 64 pixels pass the first convolution at
// stride 1, larger ones at stride 2. Names: conv1, bn1, blocks.I.{depthwise, bn1, pointwise, bn2}, fc.
#include <algorithm>

#include "nets/builder.h"

namespace pliant {

Net build_mobilenet(const NetDescription& d) {
  struct Block {
    std::int64_t channels;
    int stride;
  };
  constexpr Block kBlocks[] = {{64, 1},  {128, 2}, {128, 1}, {256, 2}, {256, 1},  {512, 2}, {512, 1},
                               {512, 1}, {512, 1}, {512, 1}, {512, 1}, {1024, 2}, {1024, 1}};
  constexpr std::size_t kLast = std::size(kBlocks) - 1;
  NetBuilder build(d);
  const Conv2dOptions first{.kernel = 3, .stride = std::min(d.height, d.width) < 64 ? 1 : 2, .padding = 1};
  MapSize map = MapSize{d.height, d.width}.after(first);

  ChannelAxis* in = &build.axis("conv1", 32);
  auto stem = std::make_unique<Sequential>("stem");
  build.add_conv_norm(*stem, "conv1", Dim(d.channels), *in, first, "bn1", Activation::relu);
  build.stage(std::move(stem), *in);

  for (std::size_t i = 0; i <= kLast; ++i) {
    const std::string name = cat("blocks.", i);
    const Conv2dOptions depthwise{.kernel = 3, .stride = kBlocks[i].stride, .padding = 1, .depthwise = true};
    map = map.after(depthwise);
    ChannelAxis& out = build.axis(name, kBlocks[i].channels);
    auto block = std::make_unique<Sequential>(name);
    build.add_conv_norm(*block, name + ".depthwise", Dim(*in), *in, depthwise, name + ".bn1", Activation::relu);
    build.add_conv_norm(*block, name + ".pointwise", Dim(*in), out, {.kernel = 1}, name + ".bn2", Activation::relu);
    if (i == kLast) return build.finish(std::move(block), build.classifier("fc", out, map.rows, map.columns));
    build.stage(std::move(block), out, {.group_end = kBlocks[i + 1].stride == 2, .elastic = true});
    in = &out;
  }
  PLIANT_INVARIANT(false, "MobileNet has thirteen blocks");
  return {};
}

}  // namespace pliant
