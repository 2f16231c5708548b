#include "train/data/synthetic.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "core/check.h"
#include "core/rng.h"
#include "train/data/parallel.h"

namespace pliant {
namespace {

constexpr int kAngles = 5, kMaxClasses = 10;
constexpr double kWavelength[] = {8.0, 4.0};  // pixels: coarse, fine
constexpr int kNoiseFrom = 16;                // words 0 to 15 of an image's stream describe it, the noise follows

// One picture's description, drawn from words 0 to 15 of its stream.
struct Stripes {
  double along_x, along_y;  // radians per pixel
  double phase, centre_x, centre_y, width;
  double background[3], amplitude[3];

  Stripes(const RandomStream& draw, int label, const SyntheticOptions& options) {
    const auto between = [&](int word, double low, double high) {
      return low + (high - low) * static_cast<double>(draw.uniform(static_cast<std::uint64_t>(word)));
    };
    const double lean = draw.uniform(0) < 0.5f ? -1.0 : 1.0;
    const double degrees = lean * 22.5 * (label % kAngles) + between(1, -7.0, 7.0);
    const double angle = degrees * std::numbers::pi / 180.0;
    const double frequency = 2.0 * std::numbers::pi / (kWavelength[label / kAngles] * between(2, 0.9, 1.1));
    along_x = frequency * std::sin(angle);
    along_y = frequency * std::cos(angle);
    phase = between(3, 0.0, 2.0 * std::numbers::pi);
    centre_x = options.width * between(4, 0.3, 0.7);
    centre_y = options.height * between(5, 0.3, 0.7);
    width = std::min(options.width, options.height) * between(6, 0.3, 0.5);
    const double contrast = between(7, 15.0, 50.0);
    for (int c = 0; c < options.channels; ++c) {
      background[c] = between(8 + c, 90.0, 165.0);
      const double share = options.channels == 1 ? 1.0 : between(11 + c, 0.2, 1.0);
      amplitude[c] = contrast * share * (draw.uniform(static_cast<std::uint64_t>(14)) < 0.5f && c == 1 ? -1.0 : 1.0);
    }
  }
};

void paint(const RandomStream& draw, int label, const SyntheticOptions& options, std::uint8_t* image) {
  const Stripes stripes(draw, label, options);
  std::uint64_t word = kNoiseFrom;
  for (int y = 0; y < options.height; ++y) {
    for (int x = 0; x < options.width; ++x, ++word) {
      const double dx = x - stripes.centre_x, dy = y - stripes.centre_y;
      const double window = std::exp(-0.5 * (dx * dx + dy * dy) / (stripes.width * stripes.width));
      const double wave = window * std::sin(stripes.along_x * x + stripes.along_y * y + stripes.phase);
      const std::uint32_t noise = draw.word(word);
      for (int c = 0; c < options.channels; ++c) {
        const double jitter = static_cast<double>((noise >> (8 * c)) & 0xFF) / 255.0 * 70.0 - 35.0;
        const double value = stripes.background[c] + stripes.amplitude[c] * wave + jitter;
        *image++ = static_cast<std::uint8_t>(std::clamp(std::lround(value), 0L, 255L));
      }
    }
  }
}

}  // namespace

Dataset make_synthetic(const SyntheticOptions& options, SyntheticPart part, int threads) {
  const std::int64_t count = part == SyntheticPart::train ? options.train : options.test;
  const auto side_fits = [](int side) { return side >= 8 && side <= 1024; };
  PLIANT_REQUIRE(ConfigError, side_fits(options.height) && side_fits(options.width), "synthetic data: sides of ",
                 options.height, "x", options.width, ", expected 8 to 1024");
  PLIANT_REQUIRE(ConfigError, options.channels == 1 || options.channels == 3, "synthetic data: ", options.channels,
                 " channels, expected 1 or 3");
  PLIANT_REQUIRE(ConfigError, options.classes >= 2 && options.classes <= kMaxClasses,
                 "synthetic data: ", options.classes, " classes, expected 2 to ", kMaxClasses);
  PLIANT_REQUIRE(ConfigError, count >= options.classes && count <= INT32_MAX, "synthetic data: ", count,
                 " images, expected at least one for each of the ", options.classes, " classes");
  Dataset data{.name = "synthetic",
               .height = options.height,
               .width = options.width,
               .channels = options.channels,
               .classes = options.classes,
               .class_names = {},
               .images = {},
               .labels = {}};
  static constexpr const char* kAngleNames[] = {"0", "22", "45", "67", "90"};
  for (int k = 0; k < options.classes; ++k) {
    data.class_names.push_back(cat(k < kAngles ? "coarse-" : "fine-", kAngleNames[k % kAngles]));
  }
  data.labels.resize(static_cast<std::size_t>(count));
  data.images.resize(static_cast<std::size_t>(count * data.image_bytes()));
  parallel_samples(count, threads, [&](std::int64_t i) {
    const int label = static_cast<int>(i % options.classes);
    data.labels[static_cast<std::size_t>(i)] = label;
    const RandomStream draw(options.seed, Purpose::synthetic, static_cast<std::uint32_t>(part),
                            static_cast<std::uint32_t>(i));
    paint(draw, label, options, data.images.data() + i * data.image_bytes());
  });
  return data;
}

}  // namespace pliant
