// A net of one residual block, by hand: axes, layers, the tape, a step of SGD, and the same net with its block dropped.
// Prints what the tape recorded, so that reverse mode can be read; returns 0 if the loss fell.
#include <iostream>

#include "layers/batch_norm.h"
#include "layers/conv2d.h"
#include "layers/exit_head.h"
#include "layers/residual.h"
#include "nets/zoo.h"
#include "train/optimizer.h"

using namespace pliant;

namespace {

// stem -> [conv, BN, ReLU, conv, BN] + identity -> classifier. All convolutions of the stream share one channel axis.
Net one_block_net(Context& context) {
  Net net;
  net.description = {.name = "one-block", .height = 8, .width = 8, .channels = 1, .classes = 2};
  net.store = std::make_unique<ParameterStore>();
  ParameterStore& store = *net.store;
  ChannelAxis &stream = store.axis("stream", 6), &inner = store.axis("inner", 4);
  const Conv2dOptions conv3x3{.kernel = 3, .padding = 1};
  net.stages.push_back({std::make_unique<Conv2d>(store, "stem", Dim(1), stream, conv3x3), nullptr});
  auto branch = std::make_unique<Sequential>("branch");
  branch->add(std::make_unique<Conv2d>(store, "conv1", Dim(stream), inner, conv3x3));
  branch->add(std::make_unique<BatchNorm>(store, "bn1", inner, BatchNormOptions{.activation = Activation::relu}));
  branch->add(std::make_unique<Conv2d>(store, "conv2", Dim(inner), stream, conv3x3));
  branch->add(std::make_unique<BatchNorm>(store, "bn2", stream, BatchNormOptions{}));
  net.stages.push_back({std::make_unique<Residual>("block", net.blocks++, std::move(branch), nullptr), exit_head(store, stream, {"fc", 2})});
  store.allocate(context, DType::f32);
  initialise(net, 1);
  return net;
}

}  // namespace

int main() {
  Context context(Device::cpu);
  Net net = one_block_net(context);
  std::cout << net.store->trainable_count() << " parameters, " << cost(net).macs << " multiply-accumulates\n";

  // Eight images: bright on the left is class 0, on the right class 1.
  std::vector<float> pixels;
  std::vector<std::int32_t> labels;
  for (int image = 0; image < 8; ++image) {
    labels.push_back(image % 2);
    for (int i = 0; i < 64; ++i) pixels.push_back((i % 8 < 4) == (image % 2 == 0) ? 1.0f : 0.1f * static_cast<float>(image));
  }
  const Var x{Tensor::from_host(context, {8, 8, 8, 1}, pixels)};
  const Targets targets{.labels = Tensor::from_host(context, {8}, labels)};

  Optimizer optimizer(*net.store, {.momentum = 0.9});
  double first = 0.0, last = 0.0;
  for (int step = 0; step < 20; ++step) {
    Tape tape;
    Pass pass{.context = context, .tape = &tape, .mode = Mode::train};
    const Var loss = cross_entropy(forward(net, pass, x).back(), targets);
    last = loss.value.to_doubles()[0];
    if (step == 0) {
      first = last;
      for (const char* name : tape.names()) std::cout << "recorded " << name << "\n";
    }
    optimizer.zero_gradients();
    tape.backward(loss);
    optimizer.step(0.05);
  }
  std::cout << "loss " << first << " -> " << last << "\n";

  // The same net with its block dropped: a value in the pass, nothing else.
  Selection shallow;
  shallow.dropped = {0};
  std::cout << "without the block: " << cost(net, shallow).macs << " multiply-accumulates\n";
  return last < first ? 0 : 1;
}
