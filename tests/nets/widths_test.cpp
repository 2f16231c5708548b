// The width table: both roundings, and what is refused.
#include <doctest/doctest.h>

#include "nets/widths.h"
#include "nets/zoo.h"

namespace pliant::test {

TEST_CASE("widths: multiples of eight as published for MobileNet") {
  struct Row {
    double ratio;
    std::vector<std::int64_t> channels;
  };
  const std::int64_t base[] = {32, 64, 128, 256, 512, 1024};
  const Row rows[] = {{0.25, {8, 16, 32, 64, 128, 256}},     {0.35, {16, 24, 48, 88, 176, 360}},  {0.45, {16, 32, 56, 112, 232, 464}},
                      {0.5, {16, 32, 64, 128, 256, 512}},    {0.55, {16, 32, 72, 144, 280, 560}}, {0.65, {24, 40, 80, 168, 336, 664}},
                      {0.75, {24, 48, 96, 192, 384, 768}},   {0.85, {32, 56, 112, 216, 432, 872}}};
  for (const Row& row : rows) {
    CAPTURE(row.ratio);
    for (std::size_t i = 0; i < row.channels.size(); ++i) CHECK(rounded_width(base[i], row.ratio, WidthRounding::eight) == row.channels[i]);
  }
  // The nearest multiple is below 90 % of the exact size, so it is the next one: 27.2 and 11.2.
  CHECK(rounded_width(32, 0.85, WidthRounding::eight) == 32);
  CHECK(rounded_width(32, 0.35, WidthRounding::eight) == 16);
  CHECK(rounded_width(4, 0.25, WidthRounding::eight) == 4);  // never more than there are
}

TEST_CASE("widths: ResNets truncate") {
  CHECK(rounded_width(64, 0.35, WidthRounding::truncate) == 22);
  CHECK(rounded_width(16, 0.75, WidthRounding::truncate) == 12);
  CHECK(rounded_width(20, 0.55, WidthRounding::truncate) == 11);
  CHECK(rounded_width(3, 0.25, WidthRounding::truncate) == 1);
  CHECK(usual_rounding("resnet50") == WidthRounding::truncate);
  CHECK(usual_rounding("mobilenet-v1") == WidthRounding::eight);
}

TEST_CASE("widths: ratios that cannot be are refused with their value") {
  for (const auto& [ratios, text] : {std::pair{std::vector<double>{0.5, 1.5}, "1.5"}, std::pair{std::vector<double>{0.0, 1.0}, "got 0"},
                                     std::pair{std::vector<double>{0.5, 0.5}, "0.5 is given twice"}, std::pair{std::vector<double>{}, "empty"}}) {
    CAPTURE(text);
    NetDescription d = default_description("resnet20");
    CHECK_THROWS_WITH_AS(add_widths(d, ratios, WidthRounding::truncate, WidthStatistics::switchable), doctest::Contains(text), UsageError);
  }
  NetDescription d = default_description("resnet20");
  add_widths(d, {0.5}, WidthRounding::truncate, WidthStatistics::switchable);
  CHECK(d.width_ratios == std::vector<double>{0.5});
  CHECK(d.batch_norm_sets == 2);
  CHECK(width_index(d, 0.5) == 1);
  CHECK(width_ratio(d, 0) == 1.0);
  CHECK_THROWS_WITH_AS(width_index(d, 0.3), doctest::Contains("built with the widths 1, 0.5"), UsageError);
  CHECK_THROWS_AS(add_widths(d, {0.25}, WidthRounding::truncate, WidthStatistics::switchable), ConfigError);
}

}  // namespace pliant::test
