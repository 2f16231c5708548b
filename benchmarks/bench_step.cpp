// Whole training steps, and forward passes alone, of a batch that lies in memory: zeroing the gradients, forward, loss, backward and
// SGD with momentum as a training run does them (train), or the net in eval mode (infer). Rows are PLACE/train|infer/NET/BATCH; on a
// GPU there are more nets and batch sizes.
#include "benchmarks/support.h"
#include "nets/stochastic_depth.h"
#include "nets/widths.h"
#include "nets/zoo.h"
#include "train/train_step.h"

namespace pliant::bench {

namespace {

// "resnet20-slimmable": four widths with batch norms of their own, all in every step; "resnet110-depth": the last branch survives with
// probability 0.5, the others linearly more often. Other names are those of the zoo.
NetDescription description_of(const std::string& name) {
  if (name == "resnet20-slimmable") {
    NetDescription d = default_description("resnet20");
    add_widths(d, {0.25, 0.5, 0.75, 1.0}, WidthRounding::truncate, WidthStatistics::switchable);
    return d;
  }
  if (name == "resnet110-depth") {
    NetDescription d = default_description("resnet110");
    d.survival = linear_survival(build_net(d).blocks, 0.5);
    return d;
  }
  return default_description(name);
}

TrainConfig plain_sgd() {
  TrainConfig config;
  config.optimizer = {.momentum = 0.9, .weight_decay = 5e-4};
  return config;
}

Net ready(Context& context, const std::string& name) {
  Net net = build_net(description_of(name));
  net.store->allocate(context, DType::f32);
  initialise(net, 1);
  return net;
}

struct Model {  // a net, its training step and one batch
  Model(Context& context, const std::string& name, std::int64_t size)
      : net(ready(context, name)), step(net, plain_sgd()), key(random_key(context, 1, 0)) {
    const NetDescription& d = net.description;
    batch.images = random_tensor(context, {size, d.height, d.width, d.channels});
    batch.labels = random_integers(context, size, static_cast<std::int32_t>(d.classes));
    batch.samples = batch.labels;
    loss_sum = Tensor::zeros(context, {1});
    correct = Tensor::zeros(context, {1}, DType::i32);
    step.begin_epoch(0, 0);
  }

  void train() { step.run(batch, key, 0, index++, 1e-3, loss_sum, correct); }

  void infer() {
    Pass pass{.context = net.store->context()};
    forward(net, pass, Var{batch.images});
  }

  Net net;
  TrainStep step;
  Batch batch;
  Tensor key, loss_sum, correct;
  std::int64_t index = 0;
};

void add_net(const Place& place, const std::string& name, std::int64_t batch, bool train) {
  const Work work{.images = static_cast<double>(batch)};
  const std::string row = cat(train ? "train/" : "infer/", name, "/", batch);
  add_row(place, row, work, [=](Context& context) {
    const auto model = std::make_shared<Model>(context, name, batch);
    return [model, train] { train ? model->train() : model->infer(); };
  });
}

void add_rows() {
  for (const Place& place : places()) {
    const bool gpu = place.context->backend() == Backend::gpu;
    for (const char* name : {"lenet5", "resnet20", "resnet56", "vgg16"}) add_net(place, name, 1, false);
    for (const char* name : {"lenet5", "resnet20", "resnet56", "vgg16", "resnet110", "mobilenet-v1", "densenet40"}) {
      for (const std::int64_t batch : {128, 1024}) {
        if (batch > 128 && !gpu) continue;
        add_net(place, name, batch, true);
        add_net(place, name, batch, false);
      }
    }
    for (const char* name : {"resnet20-slimmable", "resnet110-depth"}) {
      for (const std::int64_t batch : {128, 1024}) {
        if (batch == 128 || gpu) add_net(place, name, batch, true);
      }
    }
  }
}

}  // namespace

}  // namespace pliant::bench

int main(int argc, char** argv) {
  pliant::bench::add_rows();
  return pliant::bench::run_rows(argc, argv);
}
