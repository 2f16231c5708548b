#include "train/report/svg_canvas.h"

#include <fmt/format.h>

#include <cmath>
#include <cstdint>
#include <string_view>

#include "core/check.h"

namespace pliant {
namespace {

// The length of the well-formed UTF-8 sequence at the beginning that XML 1.0 allows (its production Char); 0 if none.
std::size_t valid_sequence(std::string_view text) {
  const auto byte = [&](std::size_t i) -> std::uint32_t { return static_cast<unsigned char>(text[i]); };
  const std::uint32_t lead = byte(0);
  if (lead < 0x80) return lead >= 0x20 && lead != 0x7F ? 1 : 0;
  const std::size_t length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  if (lead < 0xC2 || lead > 0xF4 || text.size() < length) return 0;
  std::uint32_t point = lead & (0xFFu >> (length + 1));
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return 0;
    point = point << 6 | (byte(i) & 0x3F);
  }
  constexpr std::uint32_t kSmallest[5] = {0, 0, 0x80, 0x800, 0x10000};
  const bool surrogate = point >= 0xD800 && point <= 0xDFFF;
  const bool allowed = point >= kSmallest[length] && point <= 0x10FFFF && !surrogate && point != 0xFFFE && point != 0xFFFF;
  return allowed && point >= 0xA0 ? length : 0;
}

const char* name_of(TextAnchor anchor) {
  if (anchor == TextAnchor::start) return "start";
  return anchor == TextAnchor::middle ? "middle" : "end";
}

std::string stroke_attributes(const SvgStroke& stroke) {
  return fmt::format("stroke=\"{}\" stroke-width=\"{}\"{}", stroke.colour, svg_number(stroke.width),
                     stroke.dashed ? " stroke-dasharray=\"6 4\"" : "");
}

}  // namespace

std::string svg_number(double value) {
  PLIANT_INVARIANT(std::isfinite(value), "an SVG coordinate is ", value);
  const double rounded = std::round(100.0 * value) / 100.0;
  return fmt::format("{}", rounded == 0.0 ? 0.0 : rounded);
}

std::string xml_text(const std::string& text) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t length = valid_sequence(std::string_view(text).substr(at));
    switch (text[at]) {
      case '&': out += "&amp;"; break;
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '"': out += "&quot;"; break;
      default: length == 0 ? out.append(1, '?') : out.append(text, at, length);
    }
    at += length == 0 ? 1 : length;
  }
  return out;
}

double text_width(const std::string& text, double size) {
  double width = 0;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if ((byte & 0xC0) == 0x80) continue;
    const bool narrow = std::string_view("iljtfI.,:;|!'()[] /").find(c) != std::string_view::npos;
    const bool wide = byte >= 0x80 || std::string_view("mwMW%@").find(c) != std::string_view::npos || (c >= 'A' && c <= 'Z' && c != 'I');
    width += wide ? 0.9 : narrow ? 0.4 : 0.62;
  }
  return width * size;
}

void SvgCanvas::line(double x1, double y1, double x2, double y2, const SvgStroke& stroke) {
  body_ += fmt::format("<line x1=\"{}\" y1=\"{}\" x2=\"{}\" y2=\"{}\" {}/>\n", svg_number(x1), svg_number(y1),
                       svg_number(x2), svg_number(y2), stroke_attributes(stroke));
}

void SvgCanvas::rectangle(double x, double y, double width, double height, const std::string& fill) {
  body_ += fmt::format("<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" fill=\"{}\"/>\n", svg_number(x), svg_number(y),
                       svg_number(width), svg_number(height), fill);
}

void SvgCanvas::path(const std::string& path_data, const SvgStroke& stroke) {
  body_ += fmt::format("<path d=\"{}\" fill=\"none\" stroke-linejoin=\"round\" {}/>\n", path_data, stroke_attributes(stroke));
}

void SvgCanvas::marker(double x, double y, int shape, const std::string& colour) {
  constexpr const char* kShapes[kMarkers] = {
      "M-3.5 0a3.5 3.5 0 1 0 7 0a3.5 3.5 0 1 0 -7 0z",                                   // disc
      "M-3.2 -3.2h6.4v6.4h-6.4z",                                                        // square
      "M0 -4.2L4.2 3.2H-4.2z",                                                           // triangle
      "M0 -4.6L4.6 0L0 4.6L-4.6 0z",                                                     // diamond
      "M-4 -1.3h2.7v-2.7h2.6v2.7h2.7v2.6h-2.7v2.7h-2.6v-2.7h-2.7z",                      // plus
      "M0 4.2L-4.2 -3.2H4.2z",                                                           // triangle upside down
  };
  body_ += fmt::format("<path d=\"{}\" transform=\"translate({} {})\" fill=\"{}\"/>\n", kShapes[shape % kMarkers], svg_number(x),
                       svg_number(y), colour);
}

void SvgCanvas::text(double x, double y, const std::string& text, double size, TextAnchor anchor, bool turned, bool bold) {
  const std::string turn = turned ? fmt::format(" transform=\"rotate(-90 {} {})\"", svg_number(x), svg_number(y)) : "";
  // dy instead of dominant-baseline, which not every viewer knows.
  body_ += fmt::format("<text x=\"{}\" y=\"{}\" dy=\"0.35em\" font-size=\"{}\" text-anchor=\"{}\"{}{}>{}</text>\n", svg_number(x),
                       svg_number(y), svg_number(size), name_of(anchor), bold ? " font-weight=\"bold\"" : "", turn, xml_text(text));
}

void SvgCanvas::open_group(const std::string& class_name) { body_ += fmt::format("<g class=\"{}\">\n", xml_text(class_name)); }

void SvgCanvas::close_group() { body_ += "</g>\n"; }

std::string SvgCanvas::document(double width, double height, const std::string& title) const {
  const std::string w = svg_number(width), h = svg_number(height);
  return fmt::format(
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {0} {1}\" width=\"{0}\" height=\"{1}\" role=\"img\" "
      "font-family=\"sans-serif\">\n<title>{2}</title>\n<rect width=\"{0}\" height=\"{1}\" fill=\"#ffffff\"/>\n{3}</svg>\n",
      w, h, xml_text(title), body_);
}

}  // namespace pliant
