#include <array>
#include <cmath>
#include <numeric>

#include "core/check.h"
#include "train/data/image_stream.h"

namespace pliant {

std::vector<std::int64_t> class_counts(const Dataset& data) {
  std::vector<std::int64_t> counts(static_cast<std::size_t>(data.classes), 0);
  for (const std::int32_t label : data.labels) ++counts[static_cast<std::size_t>(label)];
  return counts;
}

Normalisation compute_normalisation(const Dataset& data) {
  PLIANT_REQUIRE(DataError, data.size() > 0, data.name, ": no training image to measure mean and deviation on");
  // Counting byte values keeps the sums exact, whatever the number of images.
  const auto channels = static_cast<std::size_t>(data.channels);
  std::vector<std::array<std::int64_t, 256>> histogram(channels, std::array<std::int64_t, 256>{});
  const auto count = [&](std::span<const std::uint8_t> bytes) {
    for (std::size_t i = 0; i < bytes.size(); i += channels) {
      for (std::size_t c = 0; c < channels; ++c) ++histogram[c][bytes[i + c]];
    }
  };
  if (data.files) {
    constexpr std::int64_t kAtATime = 64;
    std::vector<std::int32_t> in_order(static_cast<std::size_t>(data.size()));
    std::iota(in_order.begin(), in_order.end(), 0);
    ImageStream stream(data.files, std::move(in_order), kAtATime);
    for (std::int64_t first = 0; first < data.size(); first += kAtATime) count(stream.next());
  } else {
    count(data.images);
  }
  Normalisation result;
  const double pixels = static_cast<double>(data.size() * data.height * data.width);
  for (const auto& counts : histogram) {
    double mean = 0, variance = 0;
    for (int v = 0; v < 256; ++v) mean += static_cast<double>(counts[static_cast<std::size_t>(v)]) * v / pixels;
    for (int v = 0; v < 256; ++v)
      variance += static_cast<double>(counts[static_cast<std::size_t>(v)]) * (v - mean) * (v - mean) / pixels;
    const double deviation = std::sqrt(variance) / 255.0;
    result.mean.push_back(static_cast<float>(mean / 255.0));
    result.std.push_back(deviation < 1e-6 ? 1.0f : static_cast<float>(deviation));
  }
  return result;
}

std::optional<Normalisation> published_normalisation(const std::string& dataset) {
  if (dataset == "cifar10") return Normalisation{{0.4914f, 0.4822f, 0.4465f}, {0.2023f, 0.1994f, 0.2010f}};
  if (dataset == "mnist") return Normalisation{{0.1307f}, {0.3081f}};
  return std::nullopt;
}

}  // namespace pliant
