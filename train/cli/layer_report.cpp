#include "train/cli/layer_report.h"

#include <fmt/format.h>

#include <iostream>
#include <nlohmann/json.hpp>

#include "nets/json.h"
#include "train/report/svg_chart.h"
#include "train/report/table.h"

namespace pliant::cli {

namespace {

using Format = Table::Format;

Table table_of_points(const LayerSensitivity& study) {
  Table table({{"layer"}, {"ratio", Format::number}, {"kept", Format::integer}, {"channels", Format::integer}, {"accuracy", Format::percent},
               {"loss", Format::number}});
  for (const LayerCurve& curve : study.layers) {
    for (const PrunedPoint& point : curve.points) {
      table.add_row({curve.layer, point.ratio, point.kept, curve.channels, point.figures.accuracy, point.figures.loss});
    }
  }
  return table;
}

Table table_of_layers(const LayerSensitivity& study) {
  Table table({{"layer"}, {"flatness", Format::number}, {"loss_of_accuracy", Format::percent}});
  for (const LayerCurve& curve : study.layers) table.add_row({curve.layer, curve.flatness, curve.loss_of_accuracy});
  return table;
}

}  // namespace

std::string to_text(const LayerSensitivity& study) {
  std::string text = table_of_points(study).text() + "\n" + table_of_layers(study).text();
  text += "\nflatness: mean of the layer's L1 sums over the largest; loss of accuracy: mean over the ratios\n";
  text += study.rank_correlation ? fmt::format("Spearman's rank correlation of the two over {} layers: {:.3f}\n", study.layers.size(), *study.rank_correlation)
                                 : std::string("no rank correlation: too few layers, or all alike\n");
  return text;
}

std::string to_json(const LayerSensitivity& study) {
  using Json = nlohmann::ordered_json;
  Json json = {{"accuracy", study.whole.accuracy}, {"loss", study.whole.loss}, {"layers", Json::array()}};
  for (const LayerCurve& curve : study.layers) {
    Json layer = {{"layer", curve.layer}, {"channels", curve.channels}, {"flatness", curve.flatness}, {"loss_of_accuracy", curve.loss_of_accuracy},
                  {"norms", curve.norms}, {"points", Json::array()}};
    for (const PrunedPoint& point : curve.points) {
      layer["points"].push_back({{"ratio", point.ratio}, {"kept", point.kept}, {"accuracy", point.figures.accuracy}, {"loss", point.figures.loss}});
    }
    json["layers"].push_back(std::move(layer));
  }
  json["rank_correlation"] = study.rank_correlation ? Json(*study.rank_correlation) : Json();
  return json_text(json);
}

void draw_layers(const LayerSensitivity& study, const std::string& title, const std::string& path) {
  Chart accuracy(title, {.label = "share of the layer's channels pruned (%)"}, {.label = "accuracy (%)"});
  Chart norms(title, {.label = "filter, largest first (% of the layer)"}, {.label = "L1 sum over the layer's largest"});
  for (const LayerCurve& curve : study.layers) {
    Chart::Series points{.name = curve.layer, .style = Chart::Style::line_and_markers}, sums{.name = curve.layer};
    points.points.push_back({.x = 0.0, .y = 100.0 * study.whole.accuracy});
    for (const PrunedPoint& point : curve.points) points.points.push_back({.x = 100.0 * point.ratio, .y = 100.0 * point.figures.accuracy});
    for (std::size_t i = 0; i < curve.norms.size(); ++i) {
      sums.points.push_back({.x = 100.0 * static_cast<double>(i) / static_cast<double>(curve.norms.size() - 1), .y = curve.norms[i]});
    }
    accuracy.add(std::move(points));
    norms.add(std::move(sums));
  }
  const std::string norms_path = path.substr(0, path.size() - 4) + "-norms.svg";
  accuracy.write(path);
  norms.write(norms_path);
  std::cerr << "pliant: " << path << " " << norms_path << "\n";
}

}  // namespace pliant::cli
