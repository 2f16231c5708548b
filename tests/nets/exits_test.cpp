// Where exits stand under each placement.
#include <doctest/doctest.h>

#include "nets/exits.h"
#include "nets/widths.h"
#include "nets/zoo.h"

namespace pliant::test {

TEST_CASE("exits: every backbone has as many elastic outputs as the paper") {
  for (const auto& [name, outputs] : {std::pair{"mobilenet-v1", 13}, std::pair{"vgg16", 5}, std::pair{"resnet50", 16},
                                      std::pair{"densenet121", 4}, std::pair{"densenet169", 4}, std::pair{"resnet110", 54}}) {
    CAPTURE(name);
    NetDescription d = default_description(name);
    d.exits = exit_stages(d, "elastic");
    CHECK(build_net(d).exits() == outputs);
  }
}

TEST_CASE("exits: elastic5 takes five outputs at even distances") {
  // ResNet-50: after blocks 3, 6, 10 and 13 of 16 (stage 0 is the stem). MobileNet: blocks 3, 5, 8 and 10 of 13.
  CHECK(exit_stages(default_description("resnet50"), "elastic5") == std::vector<int>{3, 6, 10, 13});
  CHECK(exit_stages(default_description("mobilenet-v1"), "elastic5") == std::vector<int>{3, 5, 8, 10});
  NetDescription vgg = default_description("vgg16");
  CHECK(exit_stages(vgg, "elastic5") == exit_stages(vgg, "elastic"));
  CHECK_THROWS_WITH_AS(exit_stages(default_description("densenet121"), "elastic5"), doctest::Contains("has 4 places"), ConfigError);
}

TEST_CASE("exits: stages end where the resolution changes") {
  CHECK(exit_stages(default_description("resnet20"), "stages") == std::vector<int>{3, 6});
  CHECK(exit_stages(default_description("resnet50"), "stages") == std::vector<int>{3, 7, 13});
  CHECK(exit_stages(default_description("mobilenet-v1"), "stages") == std::vector<int>{1, 3, 5, 11});
  CHECK(exit_stages(default_description("densenet121"), "stages") == std::vector<int>{7, 20, 45});
  CHECK(exit_stages(default_description("vgg16"), "stages") == std::vector<int>{1, 3, 6, 9});
  CHECK(exit_stages(default_description("b-resnet110"), "stages") == std::vector<int>{18, 36});
}

TEST_CASE("exits: placements do not depend on what the description was built with") {
  NetDescription d = default_description("b-alexnet");
  add_widths(d, {0.5, 1.0}, WidthRounding::truncate, WidthStatistics::shared);
  d.axis_sizes["exit0.conv1"] = 20;
  d.widths.front() = {};  // whatever it holds
  CHECK(exit_stages(d, "elastic") == std::vector<int>{1, 2});
  CHECK(exit_stages(d, "none").empty());
  CHECK(exit_stages(d, "0,3") == std::vector<int>{0, 3});
  CHECK_THROWS_AS(exit_stages(d, "0,4"), UsageError);
  CHECK_THROWS_AS(exit_stages(d, ""), UsageError);
}

TEST_CASE("exits: a cut net forgets the axes of later branches") {
  NetDescription d = default_description("b-alexnet");
  d.axis_sizes = {{"exit0.conv2", 16}, {"exit1.conv1", 24}};
  add_widths(d, {0.5, 1.0}, WidthRounding::truncate, WidthStatistics::shared);
  REQUIRE(build_net(d).exits() == 3);
  const NetDescription cut = cut_at_exit(d, 0);
  CHECK(cut.axis_sizes == std::map<std::string, std::int64_t>{{"exit0.conv2", 16}});
  REQUIRE(cut.widths.front().size() == d.widths.front().size() - 1);
  const Net whole = build_net(d), first = build_net(cut);
  CHECK(first.exits() == 1);
  for (const int width : {0, 1}) {
    Selection select = only_exit(whole, 0);
    select.width = width;
    Selection narrow;
    narrow.width = width;
    CHECK(cost(first, narrow).macs == cost(whole, select).macs);
    CHECK(cost(first, narrow).parameters == cost(whole, select).parameters);
  }
}

}  // namespace pliant::test
