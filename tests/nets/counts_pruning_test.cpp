// Counts of the nets of the experiments on pruning: heads of VGG, pre-activation, small DenseNets, and the ImageNet forms.
#include <doctest/doctest.h>

#include <cmath>

#include "nets/exits.h"
#include "nets/zoo.h"

namespace pliant::test {

namespace {

struct Count {
  const char* name;
  const char* head;
  int stem, classes;
  std::int64_t parameters, macs;
};

NetDescription described(const Count& count) {
  NetDescription d = default_description(count.name);
  d.head = count.head;
  d.stem = count.stem;
  d.classes = count.classes;
  return d;
}

void check_counts(const std::vector<Count>& counts) {
  for (const Count& count : counts) {
    CAPTURE(count.name);
    CAPTURE(count.head);
    CAPTURE(count.stem);
    CAPTURE(count.classes);
    const Net net = build_net(described(count));
    const NetCost total = cost(net);
    CHECK(total.parameters == count.parameters);
    CHECK(total.macs == count.macs);
    CHECK(net.store->trainable_count() == count.parameters);
  }
}

// A published figure of MACs with four digits.
void check_rounded(const char* name, double macs) {
  CAPTURE(name);
  NetDescription d = default_description(name);
  d.classes = 1000;
  CHECK(std::abs(static_cast<double>(cost(build_net(d)).macs) - macs) <= 0.5e6);
}

}  // namespace

TEST_CASE("nets: the heads of VGG have the published counts") {
  check_counts({{"vgg16", "", 0, 10, 14724042, 313201664},
                {"vgg16", "slimming", 0, 10, 14724042, 313201664},
                {"vgg16", "bias", 0, 10, 14728266, 313201664},
                {"vgg16", "l1", 0, 10, 14987722, 313463808},
                {"vgg19", "slimming", 0, 100, 20081188, 398182400},
                {"vgg19", "bias", 0, 10, 20040522, 398136320},
                {"vgg19", "bias", 0, 100, 20086692, 398182400}});
}

TEST_CASE("nets: PreResNets and the small DenseNets have the published counts") {
  check_counts({{"preresnet110", "", 0, 10, 1146842, 167430656},
                {"preresnet110", "", 0, 100, 1169972, 167453696},
                {"preresnet164", "", 0, 10, 1703258, 247646720},
                {"preresnet164", "", 0, 100, 1726388, 247669760},
                {"densenet40", "", 0, 10, 1059298, 282917328},
                {"densenet40", "", 24, 100, 1100428, 282958368},
                {"densenet40", "", 16, 10, 1019722, 264812928},
                {"densenet40", "", 16, 100, 1060132, 264853248},
                {"densenet-bc100", "", 0, 10, 769162, 287929692},
                {"densenet-bc100", "", 0, 100, 800032, 287960472}});
}

TEST_CASE("nets: the VGGs and residual nets for large images have the published counts") {
  check_counts({{"vgg16-imagenet", "", 0, 1000, 138357544, 15470264320},
                {"vgg11-bn-imagenet", "", 0, 1000, 132868840, 7609090048}});
  for (const auto& [name, classes, parameters] : {std::tuple{"vgg16-bn-imagenet", 1000, 138365992}, std::tuple{"vgg16-bn-imagenet", 10, 134309962},
                                                  std::tuple{"vgg16-imagenet", 100, 134670244}, std::tuple{"resnet34", 1000, 21797672},
                                                  std::tuple{"preresnet50", 1000, 25549480}}) {
    CAPTURE(name);
    CAPTURE(classes);
    NetDescription d = default_description(name);
    d.classes = classes;
    CHECK(cost(build_net(d)).parameters == parameters);
  }
  check_rounded("vgg16-bn-imagenet", 15.470e9);
  check_rounded("resnet34", 3.664e9);
  check_rounded("preresnet50", 4.089e9);
}

TEST_CASE("nets: channels under batch norm are those that a global threshold ranks") {
  for (const auto& [name, channels] : {std::pair{"preresnet164", 12112}, std::pair{"preresnet110", 8080}, std::pair{"densenet40", 9360}}) {
    CAPTURE(name);
    const Net net = build_net(default_description(name));
    std::int64_t sum = 0;
    for (const Parameter& parameter : net.store->parameters()) sum += parameter.role == Role::scale ? parameter.shape().size() : 0;
    CHECK(sum == channels);
  }
}

TEST_CASE("nets: a field that the net has no use for is refused by name") {
  const auto refused = [](const char* name, const char* field, const auto& change) {
    CAPTURE(name);
    NetDescription d = default_description(name);
    change(d);
    CHECK_THROWS_WITH_AS(build_net(d), doctest::Contains(field), ConfigError);
  };
  refused("resnet20", "head \"l1\"", [](NetDescription& d) { d.head = "l1"; });
  refused("vgg16", "head \"gap\"", [](NetDescription& d) { d.head = "gap"; });
  refused("vgg16-imagenet", "head \"slimming\"", [](NetDescription& d) { d.head = "slimming"; });
  refused("vgg16", "stem 24", [](NetDescription& d) { d.stem = 24; });
  refused("densenet-bc100", "stem 24", [](NetDescription& d) { d.stem = 24; });
  refused("densenet40", "stem 17", [](NetDescription& d) { d.stem = 17; });
  refused("resnet34", "shortcut B", [](NetDescription& d) { d.shortcut = 'B'; });
  refused("preresnet20", "shortcut B", [](NetDescription& d) { d.shortcut = 'B'; });
}

TEST_CASE("nets: exits of the nets with pre-activation stand behind blocks and transitions and none beside the last head") {
  const auto places = [](const char* name, const char* placement) { return exit_stages(default_description(name), placement); };
  CHECK(places("preresnet20", "stages") == std::vector<int>{2, 4});
  CHECK(places("preresnet20", "elastic") == std::vector<int>{1, 2, 3, 4, 5});
  CHECK(places("preresnet50", "stages") == std::vector<int>{3, 7, 13});
  CHECK(places("densenet40", "elastic") == std::vector<int>{13, 26});
  CHECK(places("resnet34", "stages") == std::vector<int>{3, 7, 13});
  CHECK(build_net(default_description("preresnet164")).blocks == 54);
  CHECK(build_net(default_description("preresnet50")).blocks == 16);
}

}  // namespace pliant::test
