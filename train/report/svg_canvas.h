// SVG elements as text: shapes, and escaped text whose width is estimated, since nothing here knows a font. What is
// drawn where is the chart's business (svg_chart.h).
#pragma once

#include <string>

namespace pliant {

enum class TextAnchor { start, middle, end };

struct SvgStroke {
  std::string colour = "#000000";
  double width = 1;
  bool dashed = false;
};

// A coordinate or length: at most two decimals.
std::string svg_number(double value);

// Text for XML 1.0, in an element or in double quotes: & < > and quotes as entities; what XML cannot hold (control
// characters, bytes that are no UTF-8) as '?'.
std::string xml_text(const std::string& text);

// An upper estimate of the width of text in a sans-serif font, in the units of size.
double text_width(const std::string& text, double size);

class SvgCanvas {
 public:
  void line(double x1, double y1, double x2, double y2, const SvgStroke& stroke);
  void rectangle(double x, double y, double width, double height, const std::string& fill);
  // path_data as in SVG's attribute d; not filled.
  void path(const std::string& path_data, const SvgStroke& stroke);
  // Filled outline of one of kMarkers shapes around a point; any shape from 0 on, in turn.
  void marker(double x, double y, int shape, const std::string& colour);
  // y is the middle of the letters' height. turned: rotated by 90 degrees to read from below, about (x, y).
  void text(double x, double y, const std::string& text, double size, TextAnchor anchor = TextAnchor::start,
            bool turned = false, bool bold = false);
  void open_group(const std::string& class_name);
  void close_group();

  // The whole document, on white, with title as its accessible name.
  std::string document(double width, double height, const std::string& title) const;

  static constexpr int kMarkers = 6;

 private:
  std::string body_;
};

}  // namespace pliant
