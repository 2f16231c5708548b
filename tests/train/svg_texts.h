// Where the texts of an SVG lie, for tests of figures.
#pragma once

#include <string>
#include <vector>

namespace pliant::test {

// How often `part` stands in `text`.
std::size_t count(const std::string& text, const std::string& part);

struct Box {
  double left, top, right, bottom;
  std::string text;
};

// The value of an attribute of an element; empty where it has none.
std::string attribute(const std::string& element, const std::string& name);
std::vector<Box> texts_of(const std::string& svg);

// All texts, as many as `least`, lie inside the figure and none touches another.
void check_svg_texts(const std::string& svg, std::size_t least);

}  // namespace pliant::test
