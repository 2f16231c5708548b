#include "tests/support/tiny_net.h"

#include "tests/support/compare.h"

namespace pliant::test {

namespace {

constexpr std::int64_t kBatch = 5;

Tensor images(const Net& net, unsigned seed) {
  const NetDescription& d = net.description;
  return random_tensor(net.store->context(), {kBatch, d.height, d.width, d.channels}, net.store->dtype(), seed);
}

}  // namespace

NetDescription tiny_resnet() {
  NetDescription d = default_description("resnet20");
  d.height = d.width = 8;
  d.classes = 3;
  const Net plain = build_net(d);
  for (const auto& axis : plain.store->axes()) {
    if (axis->plain()) d.axis_sizes[axis->name()] = axis->size() == 16 ? 4 : axis->size() == 32 ? 6 : 8;
  }
  return d;
}

Net make_net(Context& context, const NetDescription& description, DType dtype, unsigned seed) {
  return with_values(context, build_net(description), dtype, seed);
}

Net with_values(Context& context, Net net, DType dtype, unsigned seed) {
  net.store->allocate(context, accumulation_dtype(dtype), dtype);
  initialise(net, seed);
  for (Parameter& parameter : net.store->parameters()) {
    const bool positive = parameter.role == Role::scale || parameter.role == Role::running_variance;
    const bool small = parameter.role == Role::shift || parameter.role == Role::running_mean || parameter.role == Role::bias;
    if (!positive && !small) continue;
    const unsigned own = seed * 1000 + static_cast<unsigned>(parameter.offset) + (parameter.trainable() ? 1 : 2);
    parameter.value.copy_from(random_tensor(context, parameter.shape(), net.store->dtype(), own, positive ? 0.5 : -0.5, positive ? 1.5 : 0.5));
  }
  return net;
}

std::vector<std::int64_t> share_of_axes(const Net& net, double share) {
  std::vector<std::int64_t> row;
  for (const auto& axis : net.store->axes()) {
    if (axis->plain()) row.push_back(std::max<std::int64_t>(1, static_cast<std::int64_t>(share * static_cast<double>(axis->size()))));
  }
  return row;
}

void copy_leading(const Net& from, Net& to) {
  for (Parameter& target : to.store->parameters()) {
    const Parameter* source = from.store->find(target.name);
    if (!source) continue;
    const std::vector<double> wide = source->value.to_doubles();
    std::vector<double> narrow(static_cast<std::size_t>(target.shape().size()));
    std::array<std::int64_t, 4> big{1, 1, 1, 1}, small{1, 1, 1, 1};
    for (int i = 0; i < target.shape().rank(); ++i) {
      big[static_cast<std::size_t>(i)] = source->shape()[i];
      small[static_cast<std::size_t>(i)] = target.shape()[i];
    }
    std::size_t at = 0;
    for (std::int64_t a = 0; a < small[0]; ++a)
      for (std::int64_t b = 0; b < small[1]; ++b)
        for (std::int64_t c = 0; c < small[2]; ++c)
          for (std::int64_t d = 0; d < small[3]; ++d) {
            narrow[at++] = wide[static_cast<std::size_t>(((a * big[1] + b) * big[2] + c) * big[3] + d)];
          }
    target.value.copy_from(make_tensor(to.store->context(), target.shape(), to.store->dtype(), narrow));
  }
}

StepOutcome train_pass(Net& net, const Selection& select, unsigned seed) {
  Context& context = net.store->context();
  net.store->gradients().zero();
  Tape tape;
  Pass pass{.context = context, .tape = &tape, .mode = Mode::train, .select = select};
  StepOutcome outcome;
  std::vector<Tape::Root> roots;
  std::vector<std::int32_t> labels;
  for (std::int32_t i = 0; i < kBatch; ++i) labels.push_back(i % net.description.classes);
  const Targets targets{.labels = Tensor::from_host(context, {kBatch}, labels)};
  for (const Var& logits : forward(net, pass, Var{images(net, seed)})) {
    outcome.logits.push_back(logits.value.clone());
    roots.push_back({cross_entropy(logits, targets), {}});
  }
  tape.backward(roots);
  outcome.gradients = net.store->gradients().clone();
  outcome.buffers = net.store->buffers().clone();
  return outcome;
}

std::vector<Tensor> eval_pass(const Net& net, const Selection& select, unsigned seed) {
  Pass pass{.context = net.store->context(), .select = select};
  std::vector<Tensor> logits;
  for (const Var& exit : forward(net, pass, Var{images(net, seed)})) logits.push_back(exit.value);
  return logits;
}

}  // namespace pliant::test
