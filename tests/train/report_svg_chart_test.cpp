#include "train/report/svg_chart.h"

#include <doctest/doctest.h>

#include <cmath>
#include <cstdio>
#include <limits>

#include "core/check.h"
#include "tests/train/file_helpers.h"
#include "tests/train/svg_texts.h"
#include "train/report/svg_canvas.h"

using namespace pliant;
using namespace pliant::test;

namespace {

using Style = Chart::Style;

Chart::Series series(const std::string& name, std::vector<std::pair<double, double>> points, Style style = Style::line) {
  Chart::Series s{.name = name, .style = style};
  for (const auto& [x, y] : points) s.points.push_back({.x = x, .y = y});
  return s;
}

void check_texts(const Chart& chart, std::size_t least) { check_svg_texts(chart.svg(), least); }

Chart curves() {
  Chart chart("CIFAR-10", {.label = "epoch", .whole = true}, {.label = "accuracy (%)"});
  Chart::Series constant{.name = "constant depth"};
  Chart::Series stochastic{.name = "stochastic depth", .style = Style::line_and_markers, .dashed = true, .marker_every = 10};
  for (int epoch = 1; epoch <= 100; ++epoch) {
    constant.points.push_back({.x = 1.0 * epoch, .y = 90 - 60.0 / epoch});
    stochastic.points.push_back({.x = 1.0 * epoch, .y = 92 - 80.0 / epoch});
  }
  chart.add(std::move(constant));
  chart.add(std::move(stochastic));
  return chart;
}

}  // namespace

TEST_CASE("chart: curves with marks and a legend do not overlap") {
  Chart chart = curves();
  for (const double epoch : {50.0, 52.0, 53.0, 99.0, 100.0}) chart.mark(epoch, "lr /10");
  check_texts(chart, 20);
  const std::string svg = chart.svg();
  CHECK(count(svg, "class=\"series\"") == 2);
  CHECK(count(svg, "class=\"mark\"") == 5);
  CHECK(count(svg, "class=\"legend\"") == 2);
  CHECK(count(svg, "translate(") == 11 + 1);  // every tenth, the last one, the legend's
  CHECK(count(svg, "stroke-dasharray") == 5 + 2);
  CHECK(svg.find("<script") == std::string::npos);
  CHECK(svg == chart.svg());
}

TEST_CASE("chart: crowded points with labels and deviations stay inside") {
  Chart chart("", {.label = "MACs", .logarithmic = true}, {.label = "accuracy (%)"});
  Chart::Series points{.name = "every (width, exit)", .style = Style::markers};
  for (int i = 0; i < 16; ++i) {
    points.points.push_back({.x = 1e6 * (1 + i), .y = 60.0 + 2 * (i % 5), .deviation = 0.5 + i % 3, .label = cat("x0.", 25 * (i % 4), " e", i)});
  }
  Chart::Series front{.name = "front", .style = Style::front};
  for (const std::size_t i : pareto_front(points.points)) front.points.push_back({.x = points.points[i].x, .y = points.points[i].y});
  CHECK(front.points.size() == 5);
  chart.add(std::move(points));
  chart.add(std::move(front));
  check_texts(chart, 16 + 2 + 2 + 4);
  CHECK(count(chart.svg(), "class=\"series front\"") == 1);
  CHECK(count(chart.svg(), "translate(") == 16 + 1);
}

TEST_CASE("chart: long names of places stand upright and long labels widen the figure") {
  std::vector<std::string> names;
  for (int i = 0; i < 110; ++i) names.push_back(cat("layer", 1 + i / 36, ".", i % 36, ".conv1.weight"));
  for (const Style style : {Style::bars, Style::line_and_markers}) {
    for (const bool logarithmic : {false, true}) {
      Chart chart(std::string(200, 'W'), {.label = "layer", .places = names}, {.label = "mean |gradient|", .logarithmic = logarithmic});
      for (int s = 0; s < 9; ++s) {
        Chart::Series run{.name = cat("run number ", s), .style = style};
        for (int i = 0; i < 110; ++i) run.points.push_back({.x = 1.0 * i, .y = std::exp(-0.1 * i - s), .deviation = 0.01});
        chart.add(std::move(run));
      }
      check_texts(chart, 110);
      CHECK(count(chart.svg(), "class=\"series bars\"") == (style == Style::bars ? 9 : 0));
    }
  }
  Chart few("", {.label = "exit", .places = {"0", "1"}}, {.label = std::string(120, 'y')});
  few.add(series("a", {{0, -1}, {1, 2}}, Style::bars));
  few.add(series(std::string(100, 'n'), {{1, 1}}, Style::bars));
  check_texts(few, 8);
}

TEST_CASE("chart: a front is a staircase that goes on at its best accuracy") {
  Chart chart("", {.label = "x"}, {.label = "y"});
  chart.add(series("", {{2, 3}, {0, 0}, {4, 4}}, Style::front));
  const std::string svg = chart.svg();
  double x1 = 0, y1 = 0, x2 = 0, y2 = 0, x3 = 0, y3 = 0;
  bool found = false;
  for (std::size_t at = svg.find("<path d=\"M"); at != std::string::npos && !found; at = svg.find("<path d=\"M", at + 1)) {
    found = std::sscanf(svg.c_str() + at, "<path d=\"M%lf %lfL%lf %lfL%lf %lfL", &x1, &y1, &x2, &y2, &x3, &y3) == 6;
  }
  REQUIRE(found);
  CHECK(y1 == y2);  // first to the right at the same accuracy
  CHECK(x2 == x3);  // then up
  CHECK(x2 > x1);
  CHECK(y3 < y2);
  CHECK(count(svg, "class=\"legend\"") == 0);
}

TEST_CASE("chart: text is escaped and cleaned of what XML cannot hold") {
  CHECK(xml_text("a<b> & \"c\" Größe\n\x01") == "a&lt;b&gt; &amp; &quot;c&quot; Größe??");
  CHECK(xml_text("\xff\xc3") == "??");
  CHECK(xml_text("\xed\xa0\x80 \xef\xbf\xbf \xc0\xaf \xf4\x90\x80\x80") == "??? ??? ?? ????");
  CHECK(xml_text("\xf0\x9f\x98\x80") == "\xf0\x9f\x98\x80");
  Chart chart("<title>", {.label = "a & b"}, {.label = "\"y\""});
  chart.add(series("</svg>", {{0, 1}}));
  CHECK(chart.svg().find("&lt;/svg&gt;") != std::string::npos);
  CHECK(count(chart.svg(), "</svg>") == 1);
}

TEST_CASE("chart: values that cannot be drawn are refused with the series named") {
  const double nan = std::nan(""), infinity = std::numeric_limits<double>::infinity();
  Chart chart("t", {.label = "x", .logarithmic = true}, {.label = "y"});
  CHECK_THROWS_AS(chart.svg(), ConfigError);
  CHECK(message_of<Error>([&] { chart.add(series("good run", {{1, 2}, {2, nan}})); }) == "series 'good run', point 1: y is nan, not a finite number");
  CHECK(message_of<Error>([&] { chart.add(series("a", {{infinity, 2}})); }).find("series 'a', point 0: x is inf") == 0);
  CHECK(message_of<Error>([&] { chart.add(series("a", {{0, 2}})); }).find("logarithmic") != std::string::npos);
  CHECK_THROWS_AS(chart.add(series("a", {{1, 1e200}})), Error);
  CHECK_THROWS_AS(chart.add(series("a", {})), ConfigError);
  CHECK_THROWS_AS(chart.add(series("a", {{1, 1}}, Style::bars)), ConfigError);
  for (const double deviation : {-1.0, nan}) {
    Chart::Series bad = series("a", {{1, 1}});
    bad.points[0].deviation = deviation;
    CHECK_THROWS_AS(chart.add(bad), Error);
  }
  CHECK(message_of<Error>([&] { chart.mark(nan, "drop"); }).find("mark 'drop'") == 0);
  CHECK(chart.series().empty());
  CHECK(chart.marks().empty());
  Chart places("", {.label = "x", .places = {"a", "b"}}, {.label = "y"});
  CHECK_THROWS_AS(places.add(series("a", {{2, 1}}, Style::bars)), ConfigError);
  CHECK_THROWS_AS(places.add(series("a", {{0.5, 1}})), ConfigError);
  CHECK_THROWS_AS(Chart("", {}, {.places = {"a"}}), ConfigError);
  CHECK_THROWS_AS(Chart("", {.logarithmic = true, .places = {"a"}}, {}), ConfigError);
}

TEST_CASE("chart: a file is written whole or not at all") {
  TemporaryFolder folder;
  const Chart chart = curves();
  chart.write(file_in(folder, "c.svg"));
  CHECK(read_all(file_in(folder, "c.svg")) == chart.svg());
  CHECK_THROWS_AS(chart.write(file_in(folder, "missing/c.svg")), Error);
}

TEST_CASE("pareto front: dominated points and ties are left out") {
  using Indices = std::vector<std::size_t>;
  const auto front = [](std::vector<std::pair<double, double>> points) { return pareto_front(series("", points).points); };
  CHECK(front({}) == Indices{});
  CHECK(front({{3, 0.9}, {1, 0.5}, {2, 0.4}, {2.5, 0.7}}) == Indices{1, 3, 0});
  CHECK(front({{1, 0.5}, {1, 0.6}, {1, 0.4}}) == Indices{1});            // equal cost
  CHECK(front({{2, 0.5}, {1, 0.5}, {3, 0.5}}) == Indices{1});            // equal accuracy
  CHECK(front({{1, 0.5}, {1, 0.5}, {2, 0.6}, {2, 0.6}}) == Indices{0, 2});  // equal points
  CHECK(front({{1, 0.9}, {2, 0.8}, {3, 0.7}}) == Indices{0});
  CHECK_THROWS_AS(front({{1, std::nan("")}}), Error);
}
