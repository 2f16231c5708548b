// VGG-16 and -19 with batch norm for small images (Simonyan and Zisserman, 2015): 3x3 convolutions, max pooling after each of the first
// four groups, average pooling over what is left, and one of the heads of the papers on pruning:
//   slimming   one linear layer, convolutions without bias (Liu et al., 2017); the default
//   l1         linear 512, BN, ReLU, linear (Li et al., 2017)
//   bias       one linear layer, convolutions with bias (the experiments on single weights of Liu et al., "Rethinking", 2019)
// Layers are numbered as in torchvision's VGG with BN: convolution i, BN i + 1, ReLU i + 2, and one number per pool.
#include "nets/builder.h"

namespace pliant {

namespace {

LayerPtr hidden_head(NetBuilder& build, ChannelAxis& in) {
  ChannelAxis& hidden = build.axis("classifier.0", 512);
  auto head = std::make_unique<Sequential>("classifier");
  head->add(std::make_unique<GlobalAveragePool>("classifier.pool"));
  head->add(std::make_unique<Linear>(build.store(), "classifier.0", 1, 1, Dim(in), Dim(hidden)));
  head->add(build.batch_norm("classifier.1", hidden, Activation::relu));
  head->add(std::make_unique<Linear>(build.store(), "classifier.3", 1, 1, Dim(hidden), Dim(build.description().classes)));
  return head;
}

}  // namespace

Net build_vgg(const NetDescription& d) {
  const int deep = d.name == "vgg19" ? 4 : 3;
  const std::pair<int, std::int64_t> groups[] = {{2, 64}, {2, 128}, {deep, 256}, {deep, 512}, {deep, 512}};
  PLIANT_REQUIRE(ConfigError, d.height >= 16 && d.width >= 16, d.name, ": halves the image four times, needs at least 16 x 16, got ",
                 d.height, " x ", d.width);
  NetBuilder build(d);
  Dim in(d.channels);
  int index = 0;
  for (int group = 0; group < 5; ++group) {
    for (int i = 0; i < groups[group].first; ++i) {
      const std::string name = cat("features.", index);
      ChannelAxis& out = build.axis(name, groups[group].second);
      auto body = std::make_unique<Sequential>(name);
      build.add_conv_norm(*body, name, in, out, {.kernel = 3, .padding = 1, .bias = d.head == "bias"}, cat("features.", index + 1), Activation::relu);
      index += 3;
      in = Dim(out);
      const bool last_of_group = i == groups[group].first - 1;
      if (last_of_group && group == 4) {
        LayerPtr head = d.head == "l1" ? hidden_head(build, out) : build.classifier("classifier", out, d.height / 16, d.width / 16);
        return build.finish(std::move(body), std::move(head));
      }
      if (last_of_group) body->add(std::make_unique<MaxPool>(cat("features.", index++), PoolGeometry{.size = 2, .stride = 2}));
      build.stage(std::move(body), out, {.group_end = last_of_group, .elastic = last_of_group});
    }
  }
  PLIANT_INVARIANT(false, "VGG has five groups");
  return {};
}

}  // namespace pliant
