// VGG for large images (Simonyan and Zisserman, 2015, table 1) with torchvision's names: 3x3 convolutions with bias in five groups, with
// batch norm or without, max pooling after each group, three linear layers of 4096, 4096 and the classes with dropout between them.
// The head "gap" (ThiNet-GAP; Luo et al., 2017) has no fifth pool: the average over what is left, one linear layer.
#include "nets/builder.h"

namespace pliant {

namespace {

constexpr PoolGeometry kPool{.size = 2, .stride = 2};

LayerPtr three_linear_layers(NetBuilder& build, ChannelAxis& in, std::int64_t rows, std::int64_t columns) {
  ChannelAxis& first = build.axis("classifier.0", 4096);
  ChannelAxis& second = build.axis("classifier.3", 4096);
  ParameterStore& store = build.store();
  auto head = std::make_unique<Sequential>("classifier");
  head->add(std::make_unique<Linear>(store, "classifier.0", rows, columns, Dim(in), Dim(first)));
  head->add(std::make_unique<ActivationLayer>("classifier.1", Activation::relu));
  head->add(std::make_unique<Dropout>("classifier.2", 0, 0.5));
  head->add(std::make_unique<Linear>(store, "classifier.3", 1, 1, Dim(first), Dim(second)));
  head->add(std::make_unique<ActivationLayer>("classifier.4", Activation::relu));
  head->add(std::make_unique<Dropout>("classifier.5", 1, 0.5));
  head->add(std::make_unique<Linear>(store, "classifier.6", 1, 1, Dim(second), Dim(build.description().classes)));
  return head;
}

}  // namespace

Net build_large_vgg(const NetDescription& d) {
  const bool norm = d.name.find("-bn") != std::string::npos, eleven = d.name.starts_with("vgg11"), average = d.head == "gap";
  const int shallow = eleven ? 1 : 2, deep = eleven ? 2 : 3;
  const std::pair<int, std::int64_t> groups[] = {{shallow, 64}, {shallow, 128}, {deep, 256}, {deep, 512}, {deep, 512}};
  PLIANT_REQUIRE(ConfigError, d.height >= 32 && d.width >= 32, d.name, ": halves the image five times, needs at least 32 x 32, got ",
                 d.height, " x ", d.width);
  NetBuilder build(d);
  Dim in(d.channels);
  int index = 0;
  for (int group = 0; group < 5; ++group) {
    for (int i = 0; i < groups[group].first; ++i) {
      const std::string name = cat("features.", index++);
      ChannelAxis& out = build.axis(name, groups[group].second);
      auto body = std::make_unique<Sequential>(name);
      constexpr Conv2dOptions kConv{.kernel = 3, .padding = 1, .bias = true};
      if (norm) {
        build.add_conv_norm(*body, name, in, out, kConv, cat("features.", index), Activation::relu);
        index += 2;
      } else {
        build.add_conv_relu(*body, name, in, out, kConv, cat("features.", index++));
      }
      in = Dim(out);
      const bool group_end = i == groups[group].first - 1, last = group_end && group == 4;
      if (last && average) return build.finish(std::move(body), build.classifier("classifier", out, d.height / 16, d.width / 16));
      if (group_end) body->add(std::make_unique<MaxPool>(cat("features.", index++), kPool));
      if (last) return build.finish(std::move(body), three_linear_layers(build, out, d.height / 32, d.width / 32));
      build.stage(std::move(body), out, {.group_end = group_end, .elastic = group_end});
    }
  }
  PLIANT_INVARIANT(false, "VGG has five groups");
  return {};
}

}  // namespace pliant
