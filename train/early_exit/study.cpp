#include "train/early_exit/study.h"

namespace pliant {

namespace {

std::vector<ThresholdChoice> choose(const ExitScores& validation, const Net& net, const ExitStudyOptions& options) {
  const std::vector<std::int64_t> costs = exit_costs(net, options.select);
  if (options.sweep) return sweep_thresholds(validation, costs);
  if (options.budget) {
    const auto trunk = static_cast<double>(cost(net, trunk_only(net, options.select)).macs);
    return {choose_by_budget(validation, costs, *options.budget <= 1.0 ? *options.budget * trunk : *options.budget)};
  }
  return {choose_by_accuracy(validation, costs, options.target_accuracy.value_or(exit_accuracies(validation).back()))};
}

std::vector<ExitStudyRow> choose_rows(const Net& net, const DeviceData& validation, const ExitStudyOptions& options) {
  std::optional<ExitScores> scores;
  if (validation.size() > 0) scores = collect_scores(net, validation, options.timing.batch, options.select, options.measure);
  if (!options.thresholds.empty()) {
    ExitStudyRow row{.thresholds = options.thresholds};
    if (scores) row.validation = simulate(*scores, row.thresholds, exit_costs(net, options.select));
    return {row};
  }
  PLIANT_REQUIRE(DataError, scores, "early exits: the validation part is empty; thresholds are chosen on it (--validation), or given (--thresholds)");
  std::vector<ExitStudyRow> rows;
  for (const ThresholdChoice& choice : choose(*scores, net, options)) rows.push_back({.thresholds = choice.thresholds, .validation = choice.validation});
  return rows;
}

}  // namespace

ExitStudy study_exits(const Net& net, const DeviceData& validation, const DeviceData& test, const ExitStudyOptions& options,
                      const std::optional<Contestant>& baseline) {
  PLIANT_REQUIRE(ConfigError, selected_exits(net, options.select).size() > 1, net.description.name,
                 ": has a single exit, no sample can leave early; train it with --exits");
  if (!options.thresholds.empty()) require_thresholds(net, options.select, {options.measure, options.thresholds});
  ExitStudy study{.measure = options.measure,
                  .exit_numbers = selected_exits(net, options.select),
                  .exit_macs = exit_costs(net, options.select),
                  .rows = choose_rows(net, validation, options)};
  study.test_scores = collect_scores(net, test, options.timing.batch, options.select, options.measure);
  study.exit_accuracies = exit_accuracies(study.test_scores);
  std::vector<Contestant> contestants;
  for (ExitStudyRow& row : study.rows) {
    row.simulated = simulate(study.test_scores, row.thresholds, study.exit_macs);
    const std::vector<double> expected = row.validation ? staying_shares(row.validation->shares) : std::vector<double>();
    contestants.push_back({&net, &test, options.select, {options.measure, row.thresholds, expected}});
  }
  contestants.push_back(without_exits(net, test, options.select));
  if (baseline) contestants.push_back(*baseline);
  std::vector<Measured> measured = measure(contestants, options.timing);
  for (std::size_t i = 0; i < study.rows.size(); ++i) study.rows[i].measured = std::move(measured[i]);
  study.full = std::move(measured[study.rows.size()]);
  if (baseline) study.baseline = std::move(measured.back());
  return study;
}

}  // namespace pliant
