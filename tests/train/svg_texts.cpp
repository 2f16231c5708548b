#include "tests/train/svg_texts.h"

#include <doctest/doctest.h>

#include <cstdio>

#include "train/report/svg_canvas.h"

namespace pliant::test {

std::size_t count(const std::string& text, const std::string& part) {
  std::size_t found = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++found;
  return found;
}

// The value of an attribute of an element; empty where it has none.
std::string attribute(const std::string& element, const std::string& name) {
  const std::size_t at = element.find(" " + name + "=\"");
  if (at == std::string::npos) return "";
  const std::size_t first = at + name.size() + 3;
  return element.substr(first, element.find('"', first) - first);
}

std::vector<Box> texts_of(const std::string& svg) {
  std::vector<Box> boxes;
  for (std::size_t at = svg.find("<text "); at != std::string::npos; at = svg.find("<text ", at + 1)) {
    const std::size_t open = svg.find('>', at), close = svg.find("</text>", at);
    const std::string element = svg.substr(at, open - at), text = svg.substr(open + 1, close - open - 1), anchor = attribute(element, "text-anchor");
    CHECK(attribute(element, "dy") == "0.35em");  // centred on y
    const double x = std::stod(attribute(element, "x")), y = std::stod(attribute(element, "y")), size = std::stod(attribute(element, "font-size"));
    const double width = text_width(text, size), half = size / 2;
    const double before = anchor == "start" ? 0 : anchor == "middle" ? width / 2 : width;
    if (!attribute(element, "transform").empty()) {  // read from below
      boxes.push_back({x - half, y - width + before, x + half, y + before, text});
    } else {
      boxes.push_back({x - before, y - half, x - before + width, y + half, text});
    }
  }
  return boxes;
}

// All texts lie inside the figure and none touches another.
void check_svg_texts(const std::string& svg, std::size_t least) {
  double width = 0.0, height = 0.0;
  REQUIRE(std::sscanf(attribute(svg, "viewBox").c_str(), "0 0 %lf %lf", &width, &height) == 2);
  const std::vector<Box> boxes = texts_of(svg);
  CHECK(boxes.size() == count(svg, "<text "));
  CHECK(boxes.size() >= least);
  for (std::size_t i = 0; i < boxes.size(); ++i) {
    const Box& a = boxes[i];
    CAPTURE(a.text);
    CHECK((a.left >= 0 && a.top >= 0 && a.right <= width && a.bottom <= height));
    for (std::size_t j = 0; j < i; ++j) {
      const Box& b = boxes[j];
      CAPTURE(b.text);
      CHECK_FALSE((a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom));
    }
  }
}

}  // namespace pliant::test
