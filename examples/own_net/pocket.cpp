#include "pocket.h"

#include "nets/builder.h"

using namespace pliant;

namespace {

constexpr Conv2dOptions kConv3x3{.kernel = 3, .padding = 1};

// conv, BN, ReLU, conv, BN. Where the channels change, the first convolution halves the map.
LayerPtr branch(NetBuilder& build, const std::string& name, ChannelAxis& in, ChannelAxis& out, std::int64_t channels) {
  Conv2dOptions first = kConv3x3;
  if (&in != &out) first.stride = 2;
  ChannelAxis& inner = build.axis(name + ".inner", channels);  // its own: prunable without touching the sum
  auto layers = std::make_unique<Sequential>(name);
  layers->add(build.conv(name + ".conv1", Dim(in), inner, first));
  layers->add(build.batch_norm(name + ".bn1", inner, Activation::relu));
  layers->add(build.conv(name + ".conv2", Dim(inner), out, kConv3x3));
  layers->add(build.batch_norm(name + ".bn2", out, Activation::identity));
  return layers;
}

LayerPtr projection(NetBuilder& build, const std::string& name, ChannelAxis& in, ChannelAxis& out) {
  auto layers = std::make_unique<Sequential>(name);
  layers->add(build.conv(name + ".conv", Dim(in), out, {.kernel = 1, .stride = 2}));
  layers->add(build.batch_norm(name + ".bn", out, Activation::identity));
  return layers;
}

LayerPtr block(NetBuilder& build, const std::string& name, ChannelAxis& in, ChannelAxis& out, std::int64_t channels) {
  LayerPtr residual, shortcut;
  if (!build.next_block_removed()) residual = branch(build, name, in, out, channels);
  if (&in != &out) shortcut = projection(build, name + ".shortcut", in, out);
  return build.residual(name, std::move(residual), std::move(shortcut));
}

}  // namespace

NetDescription pocket_description() {
  NetDescription description;
  description.name = "pocket";
  return description;
}

Net build_pocket(const NetDescription& d) {
  PLIANT_REQUIRE(ConfigError, d.height % 2 == 0 && d.width % 2 == 0, d.name, ": halves the image once; ", d.height, " x ", d.width, " is odd");
  NetBuilder build(d);
  ChannelAxis& fine = build.axis("fine", 16);
  auto stem = std::make_unique<Sequential>("stem");
  stem->add(build.conv("stem.conv", Dim(d.channels), fine, kConv3x3));
  stem->add(build.batch_norm("stem.bn", fine, Activation::relu));
  build.stage(std::move(stem), fine);

  build.stage(block(build, "block1", fine, fine, 16), fine, {.group_end = true});

  ChannelAxis& coarse = build.axis("coarse", 32);
  LayerPtr last = block(build, "block2", fine, coarse, 32);
  return build.finish(std::move(last), build.classifier("fc", coarse, d.height / 2, d.width / 2));
}
