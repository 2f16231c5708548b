// Nets whose batch norm lies in the convolutions compute what eval mode computes.
#include <doctest/doctest.h>

#include "nets/fold.h"
#include "tests/support/compare.h"
#include "tests/support/contexts.h"
#include "tests/support/tiny_net.h"

namespace pliant::test {

namespace {

NetDescription small(const std::string& name, std::int64_t side) {
  NetDescription d = default_description(name);
  d.height = d.width = side;
  d.classes = 3;
  const Net plain = build_net(d);
  for (const auto& axis : plain.store->axes()) {
    if (axis->plain()) d.axis_sizes[axis->name()] = std::min<std::int64_t>(axis->size(), 8);
  }
  return d;
}

void check_folded(const Net& net, double tolerance) {
  const Net folded = fold_batch_norms(net);
  CHECK(folded.conv_norms.empty());
  const std::vector<Tensor> expected = eval_pass(net), actual = eval_pass(folded);
  REQUIRE(actual.size() == expected.size());
  for (std::size_t exit = 0; exit < actual.size(); ++exit) {
    const Difference logits = difference(actual[exit], expected[exit]);
    INFO(logits.where);
    CHECK(logits.relative <= tolerance);
  }
}

int batch_norms(const Net& net) {
  int count = 0;
  for (const LayerCost& layer : cost(net).layers) count += layer.type.starts_with("batch norm");
  return count;
}

}  // namespace

TEST_CASE("fold: nets of every family compute the same in double") {
  const std::pair<const char*, std::int64_t> nets[] = {{"lenet5", 28},      {"vgg16", 16},      {"resnet20", 8},   {"resnet50", 32},  {"resnet34", 32},
                                                       {"preresnet20", 8},  {"preresnet50", 32}, {"densenet40", 8}, {"densenet-bc100", 8},
                                                       {"mobilenet-v1", 8}, {"b-resnet110", 24}, {"vgg11-bn-imagenet", 32}};
  for (const auto& [name, side] : nets) {
    CAPTURE(name);
    check_folded(make_net(cpu(), small(name, side), DType::f64), 1e-9);
  }
}

TEST_CASE("fold: batch norm goes where a convolution writes what it reads and stays elsewhere") {
  const Net resnet = make_net(cpu(), tiny_resnet(), DType::f64), dense = make_net(cpu(), small("densenet40", 8), DType::f64);
  CHECK(batch_norms(resnet) == 19);
  CHECK(batch_norms(fold_batch_norms(resnet)) == 0);
  CHECK(batch_norms(fold_batch_norms(dense)) == batch_norms(dense));  // each reads a concatenation
}

TEST_CASE("fold: a net with exits and shortcuts B and masks and graded kernels computes the same on every backend") {
  NetDescription d = tiny_resnet();
  d.shortcut = 'B';
  d.exits = {3, 6};
  d.kernel_shape = "graded";
  const auto masked = [&](Context& context, DType dtype) {
    Net net = make_net(context, d, dtype);
    for (const auto& axis : net.store->axes()) {
      if (!axis->plain()) continue;
      std::vector<double> keep(static_cast<std::size_t>(axis->size()), 1.0);
      keep[1] = 0.0;
      axis->mask = make_tensor(context, {axis->size()}, accumulation_dtype(dtype), keep);
    }
    return net;
  };
  check_folded(masked(cpu(), DType::f64), 1e-9);
  check_folded(masked(cpu(), DType::f32), 1e-5);
  check_folded(masked(cpu(), DType::bf16), 12.0 * roundoff(DType::bf16));
  for (const NamedContext& gpu : gpu_contexts()) {
    CAPTURE(gpu.name);
    check_folded(masked(*gpu.context, DType::f32), 1e-5);
  }
}

TEST_CASE("fold: a folded net can be trained and follows the change of its filters") {
  Net net = fold_batch_norms(make_net(cpu(), tiny_resnet(), DType::f32));
  const std::vector<Tensor> before = eval_pass(net);
  CHECK(bit_equal(eval_pass(net)[0], before[0]));  // the filters are kept in another form by now
  Parameter& filter = *net.store->find("layer1.0.conv1.weight");
  filter.value.copy_from(random_tensor(cpu(), filter.shape(), DType::f32, 77));
  const std::vector<Tensor> after = eval_pass(net);
  CHECK(difference(after[0], before[0]).relative > 1e-3);
  Net twin = build_net(net.description);
  twin.store->allocate(cpu(), DType::f32);
  copy_leading(net, twin);
  CHECK(bit_equal(eval_pass(twin)[0], after[0]));
  CHECK(difference(train_pass(net).logits[0], after[0]).relative < 1e-5);
}

TEST_CASE("fold: what cannot be folded is refused and the description keeps the mark") {
  const Net net = make_net(cpu(), tiny_resnet(), DType::f64), folded = fold_batch_norms(net);
  CHECK(description_from_json(to_json(folded.description)) == folded.description);
  CHECK_THROWS_WITH_AS(fold_batch_norms(folded), "resnet20: its batch norm is folded already", ConfigError);
  NetDescription wide = tiny_resnet();
  wide.widths = {share_of_axes(net, 0.5)};
  wide.batch_norm_sets = 2;
  CHECK_THROWS_WITH_AS(fold_batch_norms(make_net(cpu(), wide, DType::f64)),
                       "resnet20: one width's batch norm alone can be folded, this net has 2 widths; extract one first", ConfigError);
}

}  // namespace pliant::test
