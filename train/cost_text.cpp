// What a cost report says to people and to programs.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "nets/json.h"
#include "train/cost.h"

namespace pliant {

namespace {

using Json = nlohmann::ordered_json;

double share(std::int64_t part, std::int64_t whole) { return whole == 0 ? 0.0 : 100.0 * static_cast<double>(part) / static_cast<double>(whole); }

Json json_of(const CostRow& row) {
  Json json = {{"name", row.name}, {"type", row.type}, {"parameters", row.parameters}, {"effective_parameters", row.effective_parameters},
               {"macs", row.macs}, {"effective_macs", row.effective_macs}, {"file_bytes", row.file_bytes}, {"memory_bytes", row.memory_bytes},
               {"activation_bytes", row.activation_bytes}};
  if (row.median_ms) json["median_ms"] = *row.median_ms;
  return json;
}

Json json_of(const std::vector<BatchCost>& batches) {
  Json list = Json::array();
  for (const BatchCost& one : batches) {
    list.push_back({{"batch", one.batch}, {"median_ms", one.time.median_ms}, {"p90_ms", one.time.p90_ms},
                    {"largest_activation_bytes", one.largest_activation_bytes}, {"working_bytes", one.working_bytes}});
  }
  return list;
}

Json json_of(const CostTable& table) {
  Json json = {{"rows", Json::array()}, {"total", json_of(table.total)}};
  for (const CostRow& row : table.rows) json["rows"].push_back(json_of(row));
  for (const char* text : {"name", "type"}) json["total"].erase(text);
  json["total"]["gradient_bytes"] = table.gradient_bytes;
  json["total"]["batches"] = json_of(table.batches);
  return json;
}

void explain_removal(const CostReport& report, std::vector<std::string>& notes) {
  const CostRow &given = report.given.total, &removed = report.removed->total;
  notes.push_back(fmt::format(
      "masks: {:.1f} % of the multiply-accumulates and {:.1f} % of the parameters belong to channels or blocks that are switched off; the masked net still "
      "holds and computes them, because a mask sets results to zero after the layer has computed them. Only removal takes them away",
      share(given.macs - removed.macs, given.macs), share(given.parameters - removed.parameters, given.parameters)));
  const double counted = removed.macs > 0 ? static_cast<double>(given.macs) / static_cast<double>(removed.macs) : 1.0;
  bool lags = false;
  for (std::size_t i = 0; i < report.unmasked.size(); ++i) {
    const double dense = report.unmasked[i].time.median_ms, real = dense / report.removed->batches[i].time.median_ms;
    notes.push_back(fmt::format("batch {}: masked {:.2f}x as fast as without masks; removed {:.2f}x as fast", report.unmasked[i].batch,
                                dense / report.given.batches[i].time.median_ms, real));
    lags = lags || real < 0.8 * counted;
  }
  if (!lags) return;
  notes.push_back(fmt::format("removal leaves 1/{:.2f} of the multiply-accumulates but a larger share of the time: they do not count batch norm, activations, "
                              "pooling and the start of every operation, and say nothing of how well narrower layers use the machine",
                              counted));
}

}  // namespace

std::vector<std::string> explain(const CostReport& report) {
  std::vector<std::string> notes;
  if (report.removed) explain_removal(report, notes);
  if (report.zero_weights == 0) return notes;
  const CostRow& left = report.removed ? report.removed->total : report.given.total;
  notes.push_back(fmt::format(
      "zeros: {:.1f} % of the {}weights of convolutions and linear layers are zero, and {:.1f} % of the multiply-accumulates are with one; dense kernels do "
      "not skip zeros, so time and memory are those of all weights",
      share(report.zero_weights, report.weights), report.removed ? "remaining " : "", share(left.macs - left.effective_macs, left.macs)));
  return notes;
}

std::string to_json(const CostReport& report) {
  Json json = json_of(report.given);
  if (report.removed) {
    json["removed"] = json_of(*report.removed);
    json["unmasked"] = {{"batches", json_of(report.unmasked)}};
  }
  json["notes"] = explain(report);
  return json_text(json);
}

}  // namespace pliant
