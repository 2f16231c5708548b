#include "train/report/graph_svg.h"

#include <algorithm>
#include <map>

#include "nets/compact.h"
#include "train/report/svg_canvas.h"

namespace pliant {

namespace {

constexpr const char* kPalette[] = {"#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9"};
constexpr double kRow = 18, kLane = 14, kEdge = 12, kText = 11, kTitle = 15, kSwatch = 10;
constexpr int kWrites = 0, kSelects = 1, kDepthwise = 3, kReads = 5;  // markers of SvgCanvas

struct Mark {
  std::size_t row;
  int shape;
};

struct Line {  // of one group
  const ChannelGroup* group = nullptr;
  std::vector<Mark> marks;
  std::size_t first = 0, last = 0, lane = 0;
  std::string colour;
};

std::string label_of(const ChannelGroup& group) {
  const std::int64_t size = group.axis->size(), kept = static_cast<std::int64_t>(kept_channels(*group.axis).size());
  std::string text = cat(group.axis->name(), ": ");
  if (kept < size) text += cat(kept, " of ");
  text += cat(size, size == 1 ? " channel, " : " channels, ", group.kind());
  if (!group.fixed.empty()) text += cat(", fixed: ", group.fixed);
  return text;
}

class Drawing {
 public:
  Drawing(const Net& net, const std::vector<ChannelGroup>& groups) : title_(net.description.name) {
    place_rows(net, groups);
    place_lines(groups);
  }

  std::string svg() {
    const double lanes = lanes_left(), labels = lanes + kLane * static_cast<double>(lane_count_) + 6;
    double width = 0.0;
    for (std::size_t row = 0; row < names_.size(); ++row) {
      canvas_.line(kEdge + kSwatch + 4, y(row), labels - 4, y(row), {"#ececec"});
    }
    for (const Line& line : lines_) draw(line, lanes);
    for (std::size_t row = 0; row < names_.size(); ++row) {
      canvas_.rectangle(kEdge, y(row) - kSwatch / 2, kSwatch, kSwatch, colours_[row]);
      canvas_.rectangle(kEdge + kSwatch + 4, y(row) - kText / 2, text_width(names_[row], kText) + 4, kText, "#ffffff");
      canvas_.text(kEdge + kSwatch + 6, y(row), names_[row], kText);
      if (labels_[row].empty()) continue;
      canvas_.text(labels, y(row), labels_[row], kText);
      width = std::max(width, labels + text_width(labels_[row], kText));
    }
    width = std::max(width, legend());
    canvas_.text(kEdge, kEdge + kTitle / 2, title_, kTitle, TextAnchor::start, false, true);
    width = std::max(width, kEdge + text_width(title_, kTitle) * 1.1);
    return canvas_.document(width + kEdge, y(names_.size()) + kEdge, cat(title_, ": coupled channels"));
  }

 private:
  static double y(std::size_t row) { return kEdge + kTitle + 3.5 * kRow + kRow * static_cast<double>(row); }

  double lanes_left() const {
    double widest = 0.0;
    for (const std::string& name : names_) widest = std::max(widest, text_width(name, kText));
    return kEdge + kSwatch + 6 + widest + 20;
  }

  void place_rows(const Net& net, const std::vector<ChannelGroup>& groups) {
    std::map<std::string, std::vector<const ChannelGroup*>> selections;  // by first reader
    for (const ChannelGroup& group : groups) {
      if (group.axis->stream() && !group.readers.empty()) selections[group.readers[0].layer].push_back(&group);
    }
    for (const LayerCost& layer : cost(net).layers) {
      if (layer.macs == 0) continue;
      for (const ChannelGroup* group : selections[layer.name]) {
        rows_of_selections_[group] = names_.size();
        names_.push_back(group->axis->name());
      }
      rows_[layer.name] = names_.size();
      names_.push_back(layer.name);
    }
    labels_.resize(names_.size());
    colours_.assign(names_.size(), "#dddddd");
  }

  void mark(Line& line, const std::string& layer, int shape) const {
    const auto found = rows_.find(layer);
    if (found != rows_.end()) line.marks.push_back({found->second, shape});
  }

  void place_lines(const std::vector<ChannelGroup>& groups) {
    for (const ChannelGroup& group : groups) {
      Line line{.group = &group};
      if (const auto found = rows_of_selections_.find(&group); found != rows_of_selections_.end()) line.marks.push_back({found->second, kSelects});
      for (const ChannelWriter& writer : group.writers) mark(line, writer.layer, kWrites);
      for (const std::string& layer : group.depthwise) mark(line, layer, kDepthwise);
      for (const ChannelReader& reader : group.readers) mark(line, reader.layer, kReads);
      if (line.marks.empty()) continue;
      line.first = line.last = line.marks[0].row;
      for (const Mark& one : line.marks) {
        line.first = std::min(line.first, one.row);
        line.last = std::max(line.last, one.row);
      }
      lines_.push_back(std::move(line));
    }
    std::stable_sort(lines_.begin(), lines_.end(), [](const Line& a, const Line& b) { return a.first < b.first; });
    std::vector<std::size_t> ends;  // of the last line in each lane
    for (std::size_t i = 0; i < lines_.size(); ++i) {
      Line& line = lines_[i];
      line.colour = kPalette[i % std::size(kPalette)];
      while (line.lane < ends.size() && ends[line.lane] >= line.first) ++line.lane;
      if (line.lane == ends.size()) ends.push_back(0);
      ends[line.lane] = line.last;
      std::string& label = labels_[line.first];
      label += (label.empty() ? "" : "; ") + label_of(*line.group);
      for (const Mark& one : line.marks) {
        if (one.shape != kReads) colours_[one.row] = line.colour;
      }
    }
    lane_count_ = ends.size();
  }

  void draw(const Line& line, double lanes) {
    const double x = lanes + kLane * static_cast<double>(line.lane);
    canvas_.open_group("group");
    canvas_.line(x, y(line.first), x, y(line.last), {line.colour, line.group->shared ? 3.0 : 1.5, line.group->axis->stream() != nullptr});
    for (const Mark& one : line.marks) canvas_.marker(x, y(one.row), one.shape, line.colour);
    canvas_.close_group();
  }

  // Returns its right edge.
  double legend() {
    const std::pair<int, const char*> shapes[] = {{kWrites, "writes"}, {kReads, "reads"}, {kDepthwise, "depthwise: keeps"}, {kSelects, "selects"}};
    double x = kEdge;
    const double top = kEdge + kTitle + kRow;
    for (const auto& [shape, text] : shapes) {
      canvas_.marker(x + 5, top, shape, "#404040");
      canvas_.text(x + 14, top, text, kText);
      x += 14 + text_width(text, kText) + 14;
    }
    const std::string meaning =
        "One line: channels that go together. A square has the colour of what its layer writes. Thick: several layers share them. Colours repeat.";
    canvas_.text(kEdge, top + kRow, meaning, kText);
    return std::max(x, kEdge + text_width(meaning, kText));
  }

  std::string title_;
  SvgCanvas canvas_;
  std::map<std::string, std::size_t> rows_;
  std::map<const ChannelGroup*, std::size_t> rows_of_selections_;
  std::vector<std::string> names_, labels_, colours_;
  std::vector<Line> lines_;
  std::size_t lane_count_ = 0;
};

}  // namespace

std::string graph_svg(const Net& net, const std::vector<ChannelGroup>& groups) { return Drawing(net, groups).svg(); }

}  // namespace pliant
