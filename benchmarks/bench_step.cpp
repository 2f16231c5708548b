// Whole steps: forward, loss, backward and SGD of a batch that lies in memory (train), or the forward pass alone (infer).
#include "benchmarks/support.h"
#include "layers/functional.h"
#include "nets/zoo.h"
#include "train/optimizer.h"

namespace pliant::bench {

namespace {

struct Model {  // a net with its optimizer and one batch
  Model(Context& context, const std::string& name, std::int64_t batch)
      : net(ready(context, name)),
        optimizer(*net.store, {.momentum = 0.9, .weight_decay = 5e-4}),
        images(random_tensor(
            context, {batch, net.description.height, net.description.width, net.description.channels})),
        labels(random_integers(context, batch, net.description.classes)) {}

  static Net ready(Context& context, const std::string& name) {
    Net net = build_net(default_description(name));
    net.store->allocate(context, DType::f32);
    initialise(net, 1);
    return net;
  }

  void train() {
    Tape tape;
    Pass pass{.context = net.store->context(), .tape = &tape, .mode = Mode::train};
    optimizer.zero_gradients();
    const Var logits = forward(net, pass, Var{images}).back();
    tape.backward(cross_entropy(logits, {.labels = labels}));
    optimizer.step(1e-3);
  }

  void infer() {
    Pass pass{.context = net.store->context()};
    forward(net, pass, Var{images});
  }

  Net net;
  Optimizer optimizer;
  Tensor images, labels;
};

void add_net(const Place& place, const std::string& name, std::int64_t batch, bool train) {
  const Work work{.images = static_cast<double>(batch)};
  const std::string row = std::string(train ? "train/" : "infer/") + name + "/" + std::to_string(batch);
  add_row(place, row, work, [=](Context& context) {
    const auto model = std::make_shared<Model>(context, name, batch);
    return [model, train] { train ? model->train() : model->infer(); };
  });
}

void add_rows() {
  for (const Place& place : places()) {
    for (const char* name : {"lenet5", "resnet20", "resnet56", "vgg16"}) {
      add_net(place, name, 128, true);
      add_net(place, name, 128, false);
      add_net(place, name, 1, false);
    }
  }
}

}  // namespace

}  // namespace pliant::bench

int main(int argc, char** argv) {
  pliant::bench::add_rows();
  return pliant::bench::run_rows(argc, argv);
}
