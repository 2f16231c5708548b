// B-ResNet-110 (Teerapittayanon et al., "BranchyNet", 2016, after its released code): a ResNet of 6n + 2 layers whose convolutions have
// biases and whose first one has no padding (32 x 32 becomes 30 x 30, then 15 x 15 and 8 x 8). Where the size changes, the shortcut takes
// every second pixel and puts the zero channels first. Branches after the first convolution (or, after the paper's text, the second:
// the end of that convolution's block) and after the 37th.
#include <numeric>

#include "nets/builder.h"

namespace pliant {

namespace {

constexpr Conv2dOptions kConv3x3{.kernel = 3, .padding = 1, .bias = true};
constexpr int kBlocks = 18;    // of each of the three groups
constexpr int kHeadBlock = -1;  // the block of a branch has no number: stochastic depth is for the trunk

LayerPtr shortcut(NetBuilder& build, const std::string& name, ChannelAxis& in, ChannelAxis& out) {
  auto layers = std::make_unique<Sequential>(name + ".downsample");
  layers->add(std::make_unique<AveragePool>(name + ".downsample.pixels", PoolGeometry{.size = 1, .stride = 2}));
  const auto& kept = build.description().kept;
  if (!kept.contains(in.name()) && !kept.contains(out.name())) {
    layers->add(ChannelMap::zeros_first(name + ".downsample.pad", in, out));
    return layers;
  }
  PLIANT_REQUIRE(ConfigError, build.description().widths.empty(), name, ": a slimmable net keeps the channels of its streams ", in.name(),
                 " and ", out.name(), ", since its shortcut puts zeros first");
  std::vector<std::int32_t> map(static_cast<std::size_t>(out.full_size()), -1);
  std::iota(map.end() - in.full_size(), map.end(), 0);
  layers->add(build.channel_map(name + ".downsample.pad", in, out, map));
  return layers;
}

LayerPtr two_convolutions(NetBuilder& build, const std::string& name, ChannelAxis& in, ChannelAxis& out, std::int64_t channels) {
  ChannelAxis& inner = build.axis(name + ".conv1", channels);
  Conv2dOptions first = kConv3x3;
  if (&in != &out) first.stride = 2;
  auto branch = std::make_unique<Sequential>(name);
  build.add_conv_norm(*branch, name + ".conv1", Dim(in), inner, first, name + ".bn1", Activation::relu);
  build.add_conv_norm(*branch, name + ".conv2", Dim(inner), out, kConv3x3, name + ".bn2", Activation::identity);
  return branch;
}

// Convolutions to 64, 32 and 32 channels with ReLU, the first one normalised; linear.
LayerPtr first_branch(NetBuilder& build, const std::string& name, ChannelAxis& in, const MapSize& map) {
  ChannelAxis &wide = build.axis(name + "conv1", 64), &second = build.axis(name + "conv2", 32), &third = build.axis(name + "conv3", 32);
  auto branch = std::make_unique<Sequential>(name + "branch");
  branch->add(build.conv(name + "conv1", Dim(in), wide, {.kernel = 5, .padding = 2, .bias = true}));
  branch->add(std::make_unique<ActivationLayer>(name + "relu1", Activation::relu));
  branch->add(std::make_unique<LocalResponseNormLayer>(name + "norm1", LocalResponseNorm{.size = 3, .alpha = 5e-5}));
  branch->add(build.conv(name + "conv2", Dim(wide), second, kConv3x3));
  branch->add(std::make_unique<ActivationLayer>(name + "relu2", Activation::relu));
  branch->add(build.conv(name + "conv3", Dim(second), third, kConv3x3));
  branch->add(std::make_unique<ActivationLayer>(name + "relu3", Activation::relu));
  branch->add(std::make_unique<Linear>(build.store(), name + "fc", map.rows, map.columns, Dim(third), Dim(build.description().classes)));
  return branch;
}

// One residual block, linear.
LayerPtr second_branch(NetBuilder& build, const std::string& name, ChannelAxis& in, const MapSize& map) {
  auto branch = std::make_unique<Sequential>(name + "branch");
  branch->add(std::make_unique<Residual>(name + "block", kHeadBlock, two_convolutions(build, name + "block", in, in, 16), nullptr));
  branch->add(std::make_unique<Linear>(build.store(), name + "fc", map.rows, map.columns, Dim(in), Dim(build.description().classes)));
  return branch;
}

LayerPtr last_head(NetBuilder& build, ChannelAxis& in, const MapSize& map) {
  constexpr PoolGeometry kPool{.size = 6, .stride = 1};
  const MapSize pooled = map.after(kPool);
  auto head = std::make_unique<Sequential>("classifier");
  head->add(std::make_unique<AveragePool>("pool", kPool));
  head->add(std::make_unique<Linear>(build.store(), "fc", pooled.rows, pooled.columns, Dim(in), Dim(build.description().classes)));
  return head;
}

}  // namespace

Net build_branchy_resnet(const NetDescription& d) {
  constexpr Conv2dOptions kFirst{.kernel = 3, .bias = true}, kHalving{.kernel = 3, .stride = 2, .padding = 1};
  PLIANT_REQUIRE(ConfigError, d.shortcut == 'A', d.name, ": has shortcuts without parameters (A), got ", d.shortcut);
  PLIANT_REQUIRE(ConfigError, d.height >= 23 && d.width >= 23, d.name,
                 ": pools windows of 6 x 6 at a quarter of the image's size, needs at least 23 x 23, got ", d.height, " x ", d.width);
  const std::vector<int> own = branch_stages(d.name, d.branches);
  NetBuilder build(d);
  MapSize map = MapSize{d.height, d.width}.after(kFirst);
  ChannelAxis* stream = &build.axis("layer1", 16);

  int stage = 0;
  const auto end_stage = [&](LayerPtr body, bool group_end) {
    StageOptions options{.group_end = group_end};
    if (stage == own[0]) options.branch = [&](const std::string& name) { return first_branch(build, name, *stream, map); };
    if (stage == own[1]) options.branch = [&](const std::string& name) { return second_branch(build, name, *stream, map); };
    options.elastic = options.branch != nullptr;
    build.stage(std::move(body), *stream, options);
    ++stage;
  };
  auto stem = std::make_unique<Sequential>("stem");
  build.add_conv_norm(*stem, "conv1", Dim(d.channels), *stream, kFirst, "bn1", Activation::relu);
  end_stage(std::move(stem), false);

  for (int group = 1; group <= 3; ++group) {
    const std::int64_t channels = 8 << group;
    ChannelAxis& out = group == 1 ? *stream : build.axis(cat("layer", group), channels);
    if (group > 1) map = map.after(kHalving);
    for (int i = 0; i < kBlocks; ++i) {
      const std::string name = cat("layer", group, ".", i);
      LayerPtr branch = build.next_block_removed() ? nullptr : two_convolutions(build, name, *stream, out, channels);
      LayerPtr block = build.residual(name, std::move(branch), stream == &out ? nullptr : shortcut(build, name, *stream, out));
      stream = &out;
      if (group == 3 && i == kBlocks - 1) return build.finish(std::move(block), last_head(build, out, map));
      end_stage(std::move(block), i == kBlocks - 1);
    }
  }
  PLIANT_INVARIANT(false, "a residual net has at least one block per group");
  return {};
}

}  // namespace pliant
