#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "nets/json.h"
#include "train/early_exit/study.h"
#include "train/report/table.h"

namespace pliant {

namespace {

using Json = nlohmann::ordered_json;

void add_times(Json& json, const Measured& measured) {
  json["median_ms"] = measured.median_ms;
  json["p90_ms"] = measured.p90_ms;
  json["mean_ms"] = measured.mean_ms;
  json["parts_ms"] = measured.parts_ms;
  json["simulated_ms"] = measured.simulated_ms;
  json["batch_ms_per_image"] = measured.batch_ms_per_image;
}

Json row_json(const ExitStudyRow& row) {
  Json json = {{"thresholds", row.thresholds}, {"accuracy", row.measured.figures.accuracy}, {"shares", row.measured.figures.shares},
               {"mean_macs", row.measured.figures.mean_macs}};
  add_times(json, row.measured);
  json["simulated_accuracy"] = row.simulated.accuracy;
  json["simulated_shares"] = row.simulated.shares;
  if (row.validation) {
    json["validation_accuracy"] = row.validation->accuracy;
    json["validation_shares"] = row.validation->shares;
    json["validation_mean_macs"] = row.validation->mean_macs;
  }
  return json;
}

Json whole_json(const Measured& measured) {
  Json json = {{"accuracy", measured.figures.accuracy}, {"macs", static_cast<std::int64_t>(measured.figures.mean_macs)}};
  add_times(json, measured);
  return json;
}

std::string joined(const std::vector<double>& values, double factor, const char* format) {
  std::string text;
  for (const double value : values) text += (text.empty() ? "" : " / ") + fmt::format(fmt::runtime(format), factor * value);
  return text;
}

Table::Row table_row(const std::string& name, const Measured& m) {
  return {name, m.figures.accuracy, joined(m.figures.shares, 100.0, "{:.1f}"), m.figures.mean_macs, m.median_ms, m.p90_ms, m.mean_ms,
          m.parts_ms, m.simulated_ms, m.batch_ms_per_image};
}

}  // namespace

std::string to_json(const ExitStudy& study) {
  Json json = {{"measure", name_of(study.measure)}, {"rows", Json::array()}};
  for (const ExitStudyRow& row : study.rows) json["rows"].push_back(row_json(row));
  json["full"] = whole_json(study.full);
  if (study.baseline) json["baseline"] = whole_json(*study.baseline);
  json["exits"] = Json::array();
  for (std::size_t exit = 0; exit < study.exit_macs.size(); ++exit) {
    json["exits"].push_back({{"accuracy", study.exit_accuracies[exit]}, {"macs", study.exit_macs[exit]}});
  }
  return json_text(json);
}

std::string to_text(const ExitStudy& study) {
  using Format = Table::Format;
  Table measured({{name_of(study.measure)}, {"accuracy", Format::percent}, {"leave (%)"}, {"mean MACs", Format::integer}, {"median", Format::milliseconds},
                  {"90th", Format::milliseconds}, {"mean", Format::milliseconds}, {"parts", Format::milliseconds}, {"simulated", Format::milliseconds},
                  {"in batches", Format::milliseconds}});
  Table simulated({{name_of(study.measure)}, {"accuracy", Format::percent}, {"simulated", Format::percent}, {"validation", Format::percent}, {"leave (%)"},
                   {"simulated leave"}, {"validation leave"}});
  for (const ExitStudyRow& row : study.rows) {
    const std::string name = joined(row.thresholds, 1.0, "{:.4g}");
    const ExitFigures& figures = row.measured.figures;
    measured.add_row(table_row(name, row.measured));
    std::optional<double> accuracy;
    if (row.validation) accuracy = row.validation->accuracy;
    simulated.add_row({name, figures.accuracy, row.simulated.accuracy, accuracy, joined(figures.shares, 100.0, "{:.1f}"),
                       joined(row.simulated.shares, 100.0, "{:.1f}"), row.validation ? joined(row.validation->shares, 100.0, "{:.1f}") : ""});
  }
  measured.add_row(table_row("without exits", study.full));
  if (study.baseline) measured.add_row(table_row("baseline", *study.baseline));
  return "Measured; times per image, the first five at batch 1:\n\n" + measured.text() +
         "\nBeside what the cached scores of all exits say:\n\n" + simulated.text();
}

}  // namespace pliant
