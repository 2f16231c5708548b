// Every net of the zoo with exits, widths, batch-norm sets and stochastic depth at once.
#include <doctest/doctest.h>

#include <cmath>
#include <map>
#include <utility>

#include "kernels/pack.h"
#include "nets/exits.h"
#include "nets/widths.h"
#include "nets/zoo.h"
#include "tests/support/compare.h"
#include "tests/support/contexts.h"

namespace pliant::test {

namespace {

constexpr std::int64_t kBatch = 2;

// The smallest image side that keeps a net's passes quick, and how much of it the loop runs.
struct Plan {
  std::int64_t side;
  enum { whole, deep, build_only } extent;
};

const std::map<std::string, Plan>& plans() {
  static const std::map<std::string, Plan> plans = {
      {"lenet5", {28, Plan::whole}},     {"mlp", {28, Plan::whole}},          {"vgg16", {16, Plan::deep}},
      {"vgg19", {16, Plan::build_only}}, {"resnet20", {8, Plan::whole}},      {"resnet32", {8, Plan::deep}},
      {"resnet44", {4, Plan::deep}},     {"resnet56", {4, Plan::deep}},       {"resnet110", {4, Plan::deep}},
      {"resnet152", {4, Plan::deep}},    {"resnet1202", {4, Plan::build_only}}, {"resnet50", {32, Plan::deep}},
      {"resnet34", {32, Plan::deep}},    {"preresnet50", {32, Plan::deep}},  {"preresnet20", {8, Plan::whole}},
      {"preresnet29", {8, Plan::deep}},  {"preresnet56", {4, Plan::build_only}}, {"preresnet110", {4, Plan::build_only}},
      {"preresnet164", {4, Plan::deep}}, {"densenet40", {8, Plan::deep}},    {"densenet-bc100", {8, Plan::deep}},
      {"vgg16-imagenet", {32, Plan::build_only}}, {"vgg16-bn-imagenet", {32, Plan::build_only}}, {"vgg11-bn-imagenet", {32, Plan::build_only}},
      {"mobilenet-v1", {8, Plan::deep}}, {"densenet121", {32, Plan::deep}},   {"densenet169", {32, Plan::deep}},
      {"b-lenet", {28, Plan::whole}},    {"b-alexnet", {32, Plan::whole}},    {"b-resnet110", {24, Plan::deep}}};
  return plans;
}

const Plan& plan(const std::string& name) {
  const auto found = plans().find(name);
  PLIANT_REQUIRE(ConfigError, found != plans().end(), "this test has no plan for the net ", name);
  return found->second;
}

// Everything at once; exits first, since their heads may bring axes into the width table.
NetDescription combined(const std::string& name, const std::string& exits, WidthStatistics statistics) {
  NetDescription d = default_description(name);
  d.height = d.width = plan(name).side;
  d.exits = exit_stages(d, exits);
  d.exit_dropout = 0.2;
  add_widths(d, {0.25, 0.5, 1.0}, usual_rounding(name), statistics);
  d.survival.assign(static_cast<std::size_t>(build_net(d).blocks), 0.8);
  return d;
}

Net started(const NetDescription& description) {
  Net net = build_net(description);
  net.store->allocate(cpu(), DType::f32);
  initialise(net, 3);
  return net;
}

Tensor images(const NetDescription& d) { return random_tensor(cpu(), {kBatch, d.height, d.width, d.channels}, DType::f32, 7); }

bool all_finite(const Tensor& tensor) {
  for (const double value : tensor.to_doubles()) {
    if (!std::isfinite(value)) return false;
  }
  return true;
}

void check_logits(const Net& net, const std::vector<Var>& logits) {
  REQUIRE(static_cast<int>(logits.size()) == net.exits());
  for (const Var& exit : logits) {
    CHECK(exit.value.shape() == Shape{kBatch, net.description.classes});
    CHECK(all_finite(exit.value));
  }
}

void check_training(Net& net, const Selection& select) {
  Tape tape;
  Pass pass{.context = cpu(), .tape = &tape, .mode = Mode::train, .select = select};
  pass.random_key = Tensor::from_host(cpu(), {3}, std::vector<std::int32_t>{1, 2, 3});
  pass.samples = Tensor::from_host(cpu(), {kBatch}, std::vector<std::int32_t>{0, 1});
  const Targets targets{.labels = Tensor::from_host(cpu(), {kBatch}, std::vector<std::int32_t>{1, 2})};
  const std::vector<Var> logits = forward(net, pass, Var{images(net.description)});
  check_logits(net, logits);
  std::vector<Tape::Root> roots;
  for (const Var& exit : logits) roots.push_back({cross_entropy(exit, targets), {}});
  tape.backward(roots);
  CHECK(all_finite(net.store->gradients()));
}

std::vector<Var> evaluate(const Net& net, const Selection& select) {
  Pass pass{.context = cpu(), .select = select};
  return forward(net, pass, Var{images(net.description)});
}

// The net cut at an exit gives the very logits that the whole net gives there.
void check_cut(const Net& net, int exit, int width) {
  CAPTURE(exit);
  CAPTURE(width);
  Net cut = build_net(cut_at_exit(net.description, exit));
  REQUIRE(cut.exits() == exit + 1);
  cut.store->allocate(cpu(), DType::f32);
  for (Parameter& parameter : cut.store->parameters()) {
    const Parameter* source = net.store->find(parameter.name);
    REQUIRE(source);
    parameter.value.copy_from(source->value);
  }
  Selection of_net = only_exit(net, exit), of_cut = only_exit(cut, exit);
  of_net.width = of_cut.width = width;
  CHECK(bit_equal(evaluate(cut, of_cut).at(0).value, evaluate(net, of_net).at(0).value));
}

void check_net(const NetDescription& description, const std::vector<int>& cuts) {
  CHECK(description_from_json(to_json(description)) == description);
  Net net = started(description);
  for (int width = 0; width < net.widths(); ++width) {
    CAPTURE(width);
    Selection select;
    select.width = width;
    if (width == 2 && net.blocks > 1) select.dropped = {1};
    check_training(net, select);
    check_logits(net, evaluate(net, select));
  }
  for (const int exit : cuts) check_cut(net, exit, exit % net.widths());
}

std::vector<int> every_exit(const NetDescription& d) {
  std::vector<int> all;
  for (int exit = 0; exit <= static_cast<int>(d.exits.size()); ++exit) all.push_back(exit);
  return all;
}

}  // namespace

TEST_CASE("zoo: every net builds with every placement and kind of width") {
  for (const std::string& name : net_names()) {
    CAPTURE(name);
    for (const auto& [exits, statistics] : {std::pair{"all", WidthStatistics::switchable}, std::pair{"stages", WidthStatistics::statistics},
                                            std::pair{"elastic", WidthStatistics::shared}}) {
      CAPTURE(exits);
      if (name == "resnet1202" && std::string(exits) != "stages") continue;  // seconds, and no other code than resnet152
      const NetDescription d = combined(name, exits, statistics);
      const Net net = build_net(d);
      CHECK(net.exits() == static_cast<int>(d.exits.size()) + 1);
      CHECK(net.widths() == 3);
      CHECK(cost(net, Selection{2}).macs < cost(net, Selection{1}).macs);
      CHECK(cost(net, Selection{1}).macs < cost(net).macs);
    }
  }
}

TEST_CASE("zoo: shallow nets train and evaluate and can be cut with every placement and kind of width") {
  for (const auto& [name, how] : plans()) {
    if (how.extent != Plan::whole) continue;
    CAPTURE(name);
    for (const auto& [exits, statistics] : {std::pair{"all", WidthStatistics::switchable}, std::pair{"stages", WidthStatistics::statistics},
                                            std::pair{"elastic", WidthStatistics::shared}}) {
      CAPTURE(exits);
      const NetDescription d = combined(name, exits, statistics);
      check_net(d, every_exit(d));
    }
  }
}

TEST_CASE("zoo: deep nets train and evaluate and can be cut with everything at once") {
  int turn = 0;
  for (const auto& [name, how] : plans()) {
    if (how.extent != Plan::deep) continue;
    CAPTURE(name);
    const bool densenet = name.starts_with("densenet"), branchy = name.starts_with("b-");
    constexpr WidthStatistics kKinds[] = {WidthStatistics::switchable, WidthStatistics::statistics, WidthStatistics::shared};
    const NetDescription d = combined(name, densenet || branchy ? "elastic" : "elastic5", kKinds[turn++ % 3]);
    check_net(d, {0, static_cast<int>(d.exits.size()) - 1});
  }
}

TEST_CASE("zoo: a width of every family is the net built for it alone") {
  for (const char* name : {"lenet5", "vgg16", "resnet20", "resnet50", "preresnet20", "preresnet50", "mobilenet-v1", "densenet40",
                           "densenet121", "b-lenet", "b-alexnet", "b-resnet110"}) {
    CAPTURE(name);
    const bool densenet = std::string(name).starts_with("densenet");
    const NetDescription d = combined(name, densenet ? "stages" : "elastic", WidthStatistics::switchable);
    Net net = started(d);
    Selection select;
    select.width = 2;
    check_training(net, select);  // its batch-norm statistics are its own from here on
    NetDescription narrow = d;
    narrow.widths.clear();
    narrow.width_ratios.clear();
    narrow.batch_norm_sets = 1;
    for (const auto& axis : std::as_const(*net.store).axes()) {
      if (axis->plain()) narrow.axis_sizes[axis->name()] = axis->active(2);
    }
    Net alone = started(narrow);
    for (Parameter& parameter : alone.store->parameters()) {
      const std::size_t dot = parameter.name.rfind('.');
      const Parameter* source = net.store->find(cat(parameter.name.substr(0, dot), ".set2", parameter.name.substr(dot)));
      if (!source) source = net.store->find(parameter.name);
      REQUIRE(source);
      kernels::pack(source->value, source->active_indices(2), parameter.value);
    }
    const std::vector<Var> expected = evaluate(alone, {}), actual = evaluate(net, select);
    REQUIRE(actual.size() == expected.size());
    for (std::size_t exit = 0; exit < actual.size(); ++exit) CHECK(difference(actual[exit].value, expected[exit].value).relative <= 1e-5);
    CHECK(cost(alone).macs == cost(net, select).macs);
    CHECK(cost(alone).parameters == cost(net, select).parameters);
  }
}

TEST_CASE("zoo: a masked channel of a dense layer is gone wherever it is read") {
  for (const int width : {0, 1}) {
    CAPTURE(width);
    Net net = started(combined("densenet121", "none", WidthStatistics::shared));
    Selection select;
    select.width = width;
    const Tensor open = evaluate(net, select).at(0).value;
    std::vector<double> keep(32, 1.0);
    keep[3] = 0.0;
    net.store->find_axis("features.denseblock1.denselayer1.conv2")->mask = make_tensor(cpu(), {32}, DType::f32, keep);
    const Tensor before = evaluate(net, select).at(0).value;
    CHECK(difference(before, open).relative > 0.0);
    for (const char* reader : {"features.denseblock1.denselayer2.norm1.bias", "features.denseblock1.denselayer6.norm1.bias",
                               "features.transition1.norm.bias"}) {
      CAPTURE(reader);
      Parameter& shift = *net.store->find(reader);
      std::vector<double> values = shift.value.to_doubles();
      values[64 + 3] += 5.0;  // after the 64 channels of the first convolution
      shift.value.copy_from(make_tensor(cpu(), shift.shape(), DType::f32, values));
      CHECK(bit_equal(evaluate(net, select).at(0).value, before));
      values[64 + 4] += 5.0;
      Tensor kept = shift.value.clone();
      shift.value.copy_from(make_tensor(cpu(), shift.shape(), DType::f32, values));
      CHECK(!bit_equal(evaluate(net, select).at(0).value, before));
      shift.value.copy_from(kept);
    }
  }
}

TEST_CASE("zoo: depthwise filters start with a fan-in of nine") {
  const Net net = started(default_description("mobilenet-v1"));
  double sum = 0.0, count = 0.0;
  for (const Parameter& parameter : std::as_const(*net.store).parameters()) {
    if (!parameter.name.ends_with(".depthwise.weight")) continue;
    for (const double value : parameter.value.to_doubles()) sum += value * value;
    count += static_cast<double>(parameter.shape().size());
  }
  CHECK(count == 9 * 4960);
  CHECK(sum / count == doctest::Approx(2.0 / 9.0).epsilon(0.03));
}

}  // namespace pliant::test
