// Whole training steps, and forward passes alone, of a batch that lies in memory: zeroing the gradients, forward, loss, backward and
// SGD with momentum as a training run does them (train), or the net in eval mode (infer). Rows are PLACE/train|infer/NET/BATCH, in f32
// and kernel by kernel; /bf16 computes in 16 bits, /folded is a net for inference, and on a GPU /graph replays a captured step.
#include "benchmarks/support.h"
#include "core/memory_ops.h"
#include "nets/fold.h"
#include "nets/stochastic_depth.h"
#include "nets/widths.h"
#include "nets/zoo.h"
#include "train/step_graphs.h"

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

struct Form {
  const char* suffix;
  DType compute = DType::f32;
  bool graph = false, folded = false;
};
constexpr Form kPlain{""}, kFolded{"/folded", DType::f32, false, true}, kBf16{"/bf16", DType::bf16};
constexpr Form kForms[] = {kPlain, {"/graph", DType::f32, true}, kBf16, {"/bf16-graph", DType::bf16, true}};

Net ready(Context& context, const std::string& name, const Form& form) {
  Net net = build_net(description_of(name));
  net.store->allocate(context, DType::f32, form.compute);
  initialise(net, 1);
  if (!form.folded) return net;
  net = fold_batch_norms(net);
  context.pool().trim();  // what the net took before it was folded
  return net;
}

struct Model {  // a net, its training step and one batch
  Model(Context& context, const std::string& name, std::int64_t size, const Form& form)
      : net(ready(context, name, form)),
        step(net, plain_sgd()),
        graphs(context, {.active = form.graph, .required = true}),
        key(random_key(context, 1, 0)) {
    const NetDescription& d = net.description;
    batch.images = Tensor(context, {size, d.height, d.width, d.channels}, form.compute);
    kernels::cast(random_tensor(context, batch.images.shape()), batch.images);
    batch.labels = random_integers(context, size, static_cast<std::int32_t>(d.classes));
    batch.samples = batch.labels;
    loss_sum = Tensor::zeros(context, {1});
    correct = Tensor::zeros(context, {1}, DType::i32);
    step.begin_epoch(0, 0);
    step.optimizer().scalars_on_device().write(step.optimizer().scalars(1e-3, 1).data());
  }

  void train() {
    const StepPlan plan = step.plan(0, index++, batch.labels.size());
    net.store->refresh_compute_copy();
    graphs.run(plan, [&](BlockStates* states) { step.launch(plan, batch, key, loss_sum, correct, states); }, [&] {
      std::vector<Tensor> changed = step.changed();
      for (const Tensor& tensor : {loss_sum, correct}) changed.push_back(tensor);
      return changed;
    });
    step.count(plan);
  }

  void infer() {
    Pass pass{.context = net.store->context()};
    forward(net, pass, Var{batch.images});
  }

  Net net;
  TrainStep step;
  StepGraphs graphs;
  Batch batch;
  Tensor key, loss_sum, correct;
  std::int64_t index = 0;
};

void add_net(const Place& place, const std::string& name, std::int64_t batch, bool train, const Form& form) {
  const Work work{.images = static_cast<double>(batch)};
  add_row(place, cat(train ? "train/" : "infer/", name, "/", batch, form.suffix), work, [=](Context& context) {
    const auto model = std::make_shared<Model>(context, name, batch, form);
    for (int i = 0; i < 3 && form.graph; ++i) model->train();  // until the step is captured
    return [model, train] { train ? model->train() : model->infer(); };
  });
}

void add_rows() {
  for (const Place& place : places()) {
    const bool gpu = place.context->backend() == Backend::gpu;
    for (const char* name : {"lenet5", "resnet20", "resnet56", "vgg16"}) {
      for (const Form& form : {kPlain, kFolded}) add_net(place, name, 1, false, form);
    }
    for (const char* name :
         {"lenet5", "resnet20", "resnet56", "vgg16", "resnet110", "mobilenet-v1", "densenet40", "resnet20-slimmable", "resnet110-depth"}) {
      const bool plain = std::string(name).find("-slimmable") == std::string::npos && std::string(name).find("-depth") == std::string::npos;
      for (const std::int64_t batch : {128, 1024}) {
        if (batch > 128 && !gpu) continue;
        for (const Form& form : kForms) {
          if (form.graph && !gpu) continue;
          add_net(place, name, batch, true, form);
          if (plain && !form.graph) add_net(place, name, batch, false, form);
        }
        if (plain) add_net(place, name, batch, false, kFolded);
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
