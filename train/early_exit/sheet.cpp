#include "train/early_exit/sheet.h"

#include <algorithm>
#include <cmath>

namespace pliant {

namespace {

// Samples from the surest to the least sure; NaN is less sure than any number, and equals keep their order.
void sort_by_confidence(std::vector<std::size_t>& samples, const std::vector<double>& scores, bool low_is_sure) {
  std::stable_sort(samples.begin(), samples.end(), [&](std::size_t a, std::size_t b) {
    if (std::isnan(scores[a]) || std::isnan(scores[b])) return !std::isnan(scores[a]) && std::isnan(scores[b]);
    return low_is_sure ? scores[a] < scores[b] : scores[a] > scores[b];
  });
}

Image picture(const Dataset& data, std::size_t sample) {
  return {data.height, data.width, data.channels, data.copy_of(static_cast<std::int64_t>(sample))};
}

}  // namespace

std::vector<SheetRow> leaving_samples(const ExitStudy& study, std::size_t row, const Dataset& test, std::size_t columns) {
  PLIANT_REQUIRE(ConfigError, row < study.rows.size() && static_cast<std::size_t>(test.size()) == study.test_scores.samples() && columns > 0,
                 "early exits: row ", row, " of ", study.rows.size(), " with ", test.size(), " images does not belong to this study");
  const Measured& measured = study.rows[row].measured;
  std::vector<SheetRow> sheet;
  for (std::size_t exit = 0; exit < study.exit_numbers.size(); ++exit) {
    std::vector<std::size_t> samples;
    for (std::size_t n = 0; n < measured.exits.size(); ++n) {
      if (measured.exits[n] == study.exit_numbers[exit]) samples.push_back(n);
    }
    sort_by_confidence(samples, study.test_scores.scores[exit], leaves_below(study.measure));
    SheetRow line{cat("exit ", study.exit_numbers[exit] + 1, ": ", samples.size()), {}};
    const std::size_t shown = std::min(columns, samples.size());
    for (std::size_t i = 0; i < shown; ++i) {
      line.images.push_back(picture(test, samples[shown == 1 ? 0 : i * (samples.size() - 1) / (shown - 1)]));
    }
    sheet.push_back(std::move(line));
  }
  return sheet;
}

}  // namespace pliant
