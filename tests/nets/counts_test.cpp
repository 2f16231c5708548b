// Parameters and multiply-accumulates of the nets, derived from the layers, against the published counts.
#include <doctest/doctest.h>

#include "nets/zoo.h"

namespace pliant::test {

namespace {

NetDescription described(const std::string& name, int classes, char shortcut = 'A') {
  NetDescription d = default_description(name);
  d.classes = classes;
  d.shortcut = shortcut;
  return d;
}

struct Count {
  const char* name;
  int classes;
  char shortcut;
  std::int64_t parameters, macs;
};

}  // namespace

TEST_CASE("nets: parameters and MACs equal the published counts") {
  const Count counts[] = {{"resnet152", 10, 'A', 2408474, 351978112},
                          {"vgg16", 10, 'A', 14724042, 313201664},         {"vgg19", 10, 'A', 20035018, 398136320},
                          {"vgg19", 100, 'A', 20081188, 398182400},        {"resnet20", 10, 'A', 269722, 40551040},
                          {"resnet20", 100, 'A', 275572, 40556800},        {"resnet32", 10, 'A', 464154, 68862592},
                          {"resnet56", 10, 'A', 853018, 125485696},        {"resnet56", 100, 'A', 858868, 125491456},
                          {"resnet110", 10, 'A', 1727962, 252887680},      {"resnet110", 100, 'A', 1733812, 252893440},
                          {"resnet1202", 10, 'A', 19421274, 2829238912},   {"resnet1202", 100, 'A', 19427124, 2829244672},
                          {"resnet20", 10, 'B', 272474, 40813184},         {"resnet56", 10, 'B', 855770, 125747840},
                          {"resnet110", 10, 'B', 1730714, 253149824},      {"resnet1202", 10, 'B', 19424026, 2829501056}};
  for (const Count& count : counts) {
    CAPTURE(count.name);
    CAPTURE(count.classes);
    CAPTURE(count.shortcut);
    const Net net = build_net(described(count.name, count.classes, count.shortcut));
    const NetCost total = cost(net);
    CHECK(total.parameters == count.parameters);
    CHECK(total.macs == count.macs);
    CHECK(net.store->trainable_count() == count.parameters);
  }
}

TEST_CASE("nets: LeNet-5 and the perceptron have their counts on 28 x 28 digits") {
  CHECK(cost(build_net(default_description("lenet5"))).parameters == 61706);
  CHECK(cost(build_net(default_description("mlp"))).parameters == 266610);
  NetDescription colour = default_description("lenet5");
  colour.height = colour.width = 32;
  colour.channels = 3;
  CHECK(cost(build_net(colour)).parameters == 61706 + 2 * 6 * 25);
}

TEST_CASE("nets: VGG-16 has 4224 batch-norm channels and VGG-19 5504") {
  for (const auto& [name, channels] : {std::pair{"vgg16", 4224}, std::pair{"vgg19", 5504}}) {
    const Net net = build_net(default_description(name));
    std::int64_t sum = 0;
    for (const Parameter& parameter : net.store->parameters()) {
      if (parameter.role == Role::scale) sum += parameter.shape().size();
    }
    CHECK(sum == channels);
  }
}

TEST_CASE("nets: an unknown name is refused and the known ones are listed") {
  NetDescription d;
  d.name = "resnet21";
  CHECK_THROWS_WITH_AS(build_net(d), doctest::Contains("resnet20 resnet32"), UsageError);
}

TEST_CASE("nets: combinations that cannot be built are refused") {
  NetDescription d = default_description("resnet20");
  d.height = 30;
  CHECK_THROWS_AS(build_net(d), ConfigError);
  d = default_description("resnet20");
  d.axis_sizes = {{"layer9", 4}};
  CHECK_THROWS_WITH_AS(build_net(d), doctest::Contains("layer9"), ConfigError);
  d = default_description("resnet20");
  d.survival = {1.0, 0.5};
  CHECK_THROWS_AS(build_net(d), ConfigError);
  d = default_description("resnet20");
  d.exits = {12};
  CHECK_THROWS_AS(build_net(d), ConfigError);
}

TEST_CASE("nets: the count at a narrow width is that of the narrow net") {
  NetDescription wide = default_description("resnet20"), narrow = wide;
  const Net plain = build_net(wide);
  std::vector<std::int64_t> half;
  for (const auto& axis : plain.store->axes()) {
    if (!axis->plain()) continue;
    half.push_back(axis->size() / 2);
    narrow.axis_sizes[axis->name()] = axis->size() / 2;
  }
  wide.widths = {half};
  wide.batch_norm_sets = 2;
  const NetCost at_half = cost(build_net(wide), Selection{1}), alone = cost(build_net(narrow));
  CHECK(at_half.parameters == alone.parameters);
  CHECK(at_half.macs == alone.macs);
}

TEST_CASE("description: JSON and back is the identity") {
  NetDescription d = default_description("resnet32");
  d.classes = 100;
  d.shortcut = 'B';
  d.axis_sizes = {{"layer1.0.conv1", 7}};
  d.widths = {{1, 2, 3}};
  d.batch_norm_sets = 2;
  d.survival = {0.5, 0.25};
  d.exits = {1, 4};
  CHECK(description_from_json(to_json(d)) == d);
  CHECK_THROWS_AS(description_from_json("{"), FileError);
  CHECK_THROWS_AS(description_from_json("[]"), FileError);
  CHECK_THROWS_WITH_AS(description_from_json(R"({"name":"mlp","classes":"ten"})"), doctest::Contains("classes"), FileError);
  const std::string deep = R"({"name":"mlp","classes":)" + std::string(1000000, '[') + std::string(1000000, ']') + "}";
  CHECK_THROWS_WITH_AS(description_from_json(deep), doctest::Contains("nests 1000001 levels deep"), FileError);
  for (const char* text : {R"({"name":"mlp","input":{"height":-3}})", R"({"name":"mlp","input":[28]})", R"({"name":"mlp","classes":1e300})",
                           R"({"name":"mlp","classes":10.5})", R"({"name":"mlp","classes":18446744073709551615})", R"({"name":7})",
                           R"({"name":"mlp","shortcut":"C"})", R"({"name":"mlp","widths":[3]})", R"({"name":"mlp","widths":[[0]]})",
                           R"({"name":"mlp","axis_sizes":[1]})", R"({"name":"mlp","survival":["x"]})", R"({"name":"mlp","exits":[-1]})"}) {
    CAPTURE(text);
    CHECK_THROWS_AS(description_from_json(text), FileError);
  }
}

}  // namespace pliant::test
