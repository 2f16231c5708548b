// BranchyNets (Teerapittayanon, McDanel and Kung, "BranchyNet: fast inference via early exiting from deep neural networks", 2016):
// B-LeNet and B-AlexNet. Convolutions have biases, pools round their size up, local response normalisation is Chainer's (k = 2).
// A stage ends at each place where the released code or the paper's text puts a branch: right after a convolution.
#include "nets/builder.h"

namespace pliant {

namespace {

constexpr PoolGeometry kPool2{.size = 2, .stride = 2, .ceil = true}, kPool3{.size = 3, .stride = 2, .ceil = true};
constexpr Conv2dOptions kConv3x3{.kernel = 3, .padding = 1, .bias = true}, kConv5x5{.kernel = 5, .padding = 2, .bias = true};
constexpr LocalResponseNorm kNorm{.size = 3, .alpha = 5e-5};

LayerPtr relu(const std::string& name) { return std::make_unique<ActivationLayer>(name, Activation::relu); }
LayerPtr pool(const std::string& name, const PoolGeometry& geometry) { return std::make_unique<MaxPool>(name, geometry); }
LayerPtr norm(const std::string& name) { return std::make_unique<LocalResponseNormLayer>(name, kNorm); }

LayerPtr linear_layer(NetBuilder& build, const std::string& name, const MapSize& map, Dim in, Dim out) {
  return std::make_unique<Linear>(build.store(), name, map.rows, map.columns, in, out);
}

// Max pool, ReLU, convolution to 10 channels, max pool, ReLU, linear.
LayerPtr lenet_branch(NetBuilder& build, const std::string& name, ChannelAxis& in, const MapSize& map) {
  ChannelAxis& out = build.axis(name + "conv1", 10);
  auto branch = std::make_unique<Sequential>(name + "branch");
  branch->add(pool(name + "pool1", kPool2));
  branch->add(relu(name + "relu1"));
  branch->add(build.conv(name + "conv1", Dim(in), out, kConv3x3));
  branch->add(pool(name + "pool2", kPool2));
  branch->add(relu(name + "relu2"));
  branch->add(linear_layer(build, name + "fc", map.after(kPool2).after(kPool2), Dim(out), Dim(build.description().classes)));
  return branch;
}

Net build_lenet(const NetDescription& d) {
  constexpr Conv2dOptions kConv{.kernel = 5, .padding = 3, .bias = true};
  NetBuilder build(d);
  ChannelAxis& first = build.axis("conv1", 5);
  MapSize map = MapSize{d.height, d.width}.after(kConv);
  const auto branch = [&](const std::string& name) { return lenet_branch(build, name, first, map); };
  build.stage(build.conv("conv1", Dim(d.channels), first, kConv), first, {.group_end = true, .elastic = true, .branch = branch});

  ChannelAxis& second = build.axis("conv2", 10);
  map = map.after(kPool2).after(kConv);
  auto body2 = std::make_unique<Sequential>("conv2");
  body2->add(pool("pool1", kPool2));
  body2->add(relu("relu1"));
  body2->add(build.conv("conv2", Dim(first), second, kConv));
  build.stage(std::move(body2), second);

  ChannelAxis &third = build.axis("conv3", 20), &hidden = build.axis("fc1", 84);
  map = map.after(kPool2).after(kConv).after(kPool2);
  auto body3 = std::make_unique<Sequential>("conv3");
  body3->add(pool("pool2", kPool2));
  body3->add(relu("relu2"));
  body3->add(build.conv("conv3", Dim(second), third, kConv));
  body3->add(pool("pool3", kPool2));
  body3->add(relu("relu3"));
  auto head = std::make_unique<Sequential>("classifier");
  head->add(linear_layer(build, "fc1", map, Dim(third), Dim(hidden)));
  head->add(linear_layer(build, "fc2", {1, 1}, Dim(hidden), Dim(d.classes)));
  return build.finish(std::move(body3), std::move(head));
}

// ReLU, max pool, normalisation, then `convolutions` times a convolution to 32 channels and ReLU, max pool, linear.
LayerPtr alexnet_branch(NetBuilder& build, const std::string& name, ChannelAxis& in, const MapSize& map, int convolutions) {
  auto branch = std::make_unique<Sequential>(name + "branch");
  branch->add(relu(name + "relu0"));
  branch->add(pool(name + "pool0", kPool3));
  branch->add(norm(name + "norm0"));
  ChannelAxis* last = &in;
  for (int i = 1; i <= convolutions; ++i) {
    ChannelAxis& out = build.axis(cat(name, "conv", i), 32);
    branch->add(build.conv(cat(name, "conv", i), Dim(*last), out, kConv3x3));
    branch->add(relu(cat(name, "relu", i)));
    last = &out;
  }
  branch->add(pool(name + "pool1", kPool3));
  branch->add(linear_layer(build, name + "fc", map.after(kPool3).after(kPool3), Dim(*last), Dim(build.description().classes)));
  return branch;
}

LayerPtr alexnet_classifier(NetBuilder& build, ChannelAxis& in, const MapSize& map) {
  ChannelAxis &hidden1 = build.axis("fc1", 256), &hidden2 = build.axis("fc2", 128);
  auto head = std::make_unique<Sequential>("classifier");
  head->add(linear_layer(build, "fc1", map, Dim(in), Dim(hidden1)));
  head->add(relu("relu6"));
  head->add(std::make_unique<Dropout>("dropout1", 0, 0.5));
  head->add(linear_layer(build, "fc2", {1, 1}, Dim(hidden1), Dim(hidden2)));
  head->add(relu("relu7"));
  head->add(std::make_unique<Dropout>("dropout2", 1, 0.5));
  head->add(linear_layer(build, "fc3", {1, 1}, Dim(hidden2), Dim(build.description().classes)));
  return head;
}

Net build_alexnet(const NetDescription& d) {
  const std::int64_t channels[] = {32, 64, 96, 96, 64};
  const std::vector<int> own = branch_stages(d.name, d.branches);
  NetBuilder build(d);
  MapSize map{d.height, d.width};
  Dim in(d.channels);
  for (int i = 0; i < 5; ++i) {
    const std::string number = cat(i), next = cat(i + 1);
    ChannelAxis& out = build.axis("conv" + next, channels[i]);
    auto body = std::make_unique<Sequential>("conv" + next);
    if (i > 0) body->add(relu("relu" + number));
    if (i == 1 || i == 2) {
      body->add(pool("pool" + number, kPool3));
      body->add(norm("norm" + number));
      map = map.after(kPool3);
    }
    body->add(build.conv("conv" + next, in, out, i < 2 ? kConv5x5 : kConv3x3));
    in = Dim(out);
    if (i == 4) {
      body->add(relu("relu5"));
      body->add(pool("pool5", kPool3));
      return build.finish(std::move(body), alexnet_classifier(build, out, map.after(kPool3)));
    }
    StageOptions options{.group_end = i < 2};
    for (std::size_t branch = 0; branch < own.size(); ++branch) {
      if (own[branch] != i) continue;
      options.elastic = true;
      options.branch = [&, branch](const std::string& name) { return alexnet_branch(build, name, out, map, branch == 0 ? 2 : 1); };
    }
    build.stage(std::move(body), out, options);
  }
  PLIANT_INVARIANT(false, "AlexNet has five convolutions");
  return {};
}

}  // namespace

Net build_branchy(const NetDescription& d) { return d.name == "b-lenet" ? build_lenet(d) : build_alexnet(d); }

std::vector<int> branch_stages(const std::string& name, const std::string& branches) {
  const bool paper = branches == "paper";
  if (name == "b-lenet") return {0};
  if (name == "b-alexnet") return paper ? std::vector<int>{0, 1} : std::vector<int>{1, 2};
  if (name == "b-resnet110") return paper ? std::vector<int>{1, 18} : std::vector<int>{0, 18};
  return {};
}

}  // namespace pliant
