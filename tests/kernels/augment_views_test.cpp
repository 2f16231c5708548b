// Random parts of images, centres and colour jitter, against their definitions written out in double.
#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "kernels/augment_views.h"
#include "tests/support/compare.h"
#include "tests/support/contexts.h"

namespace pliant::test {

namespace {

struct Images {
  std::int64_t count = 5, h = 9, w = 12, c = 3;
  std::vector<std::uint8_t> bytes() const {
    std::vector<std::uint8_t> all;
    for (const double value : random_values(count * h * w * c, 77, 0.0, 256.0)) all.push_back(static_cast<std::uint8_t>(value));
    return all;
  }
  kernels::AugmentSizes sizes() const { return {static_cast<int>(h), static_cast<int>(w), static_cast<int>(c)}; }
};

Tensor integers(Context& context, const std::vector<std::int32_t>& values) {
  return Tensor::from_host<std::int32_t>(context, {static_cast<std::int64_t>(values.size())}, values);
}

// Values of 0..1: mean 0, deviation 1.
Tensor shown(Context& context, DType dtype, const Images& images, const Augmentation& options, const std::vector<std::int32_t>& samples, int h, int w,
             std::int32_t epoch = 0, bool gathered = false) {
  Tensor y(context, {static_cast<std::int64_t>(samples.size()), h, w, images.c}, dtype);
  const Tensor from = Tensor::from_host<std::uint8_t>(context, {images.count, images.h, images.w, images.c}, images.bytes());
  const Tensor mean = Tensor::zeros(context, {images.c});
  const Tensor deviation = make_tensor(context, {images.c}, DType::f32, std::vector<double>(static_cast<std::size_t>(images.c), 1.0));
  const Tensor key = integers(context, {11, 22, epoch});
  (gathered ? kernels::augment_batch : kernels::augment)(from, integers(context, samples), mean, deviation, key, options, y);
  return y;
}

RandomStream stream_of(std::int32_t sample, std::int32_t epoch) {
  return {(std::uint64_t{22} << 32) | 11, Purpose::augment, static_cast<std::uint32_t>(epoch), static_cast<std::uint32_t>(sample)};
}

// Bilinear resampling of one side by its definition: every stored position of the part weighs in, most of them nothing.
std::vector<double> weights_of(int i, int count, double begin, double length, int first, int last, std::int64_t stored) {
  const double scale = length / count, centre = begin + (i + 0.5) * scale - 0.5, reach = std::max(scale, 1.0);
  std::vector<double> weights(static_cast<std::size_t>(stored), 0.0);
  double sum = 0.0;
  for (int at = first; at <= last; ++at) sum += weights[static_cast<std::size_t>(at)] = std::max(0.0, 1.0 - std::abs(at - centre) / reach);
  for (double& weight : weights) weight /= sum;
  return weights;
}

std::vector<double> resampled(const Images& images, int sample, const kernels::Frame& f, int h, int w) {
  const std::vector<std::uint8_t> bytes = images.bytes();
  std::vector<double> y;
  for (int i = 0; i < h; ++i) {
    const std::vector<double> rows = weights_of(i, h, f.top, f.height, f.first_row, f.last_row, images.h);
    for (int j = 0; j < w; ++j) {
      const std::vector<double> columns = weights_of(j, w, f.left, f.width, f.first_column, f.last_column, images.w);
      for (std::int64_t k = 0; k < images.c; ++k) {
        double value = 0.0;
        for (std::int64_t r = 0; r < images.h; ++r) {
          for (std::int64_t s = 0; s < images.w; ++s) {
            value += rows[static_cast<std::size_t>(r)] * columns[static_cast<std::size_t>(s)] *
                     bytes[static_cast<std::size_t>(((sample * images.h + r) * images.w + s) * images.c + k)];
          }
        }
        y.push_back(value / 255.0);
      }
    }
  }
  return y;
}

Augmentation only(double Augmentation::*change, double most) {
  Augmentation options;
  options.*change = most;
  return options;
}

}  // namespace

TEST_CASE("augment views: random parts have areas and ratios of the rule and lie inside the image") {
  const kernels::AugmentSizes stored{40, 60, 3};
  double least = 1.0, most = 0.0, areas = 0.0;
  int fallbacks = 0;
  constexpr int kDraws = 2000;
  for (int sample = 0; sample < kDraws; ++sample) {
    const kernels::Frame f = kernels::draw_frame(stream_of(sample, 0), 0.08, stored);
    CHECK(f.top >= 0.0);
    CHECK(f.left >= 0.0);
    CHECK(f.last_row < stored.h);
    CHECK(f.last_column < stored.w);
    CHECK(f.last_row - f.first_row + 1 == static_cast<int>(f.height));
    const double area = f.height * f.width / (stored.h * stored.w);
    CHECK(f.width + 0.5 >= 0.75 * (f.height - 0.5));  // sides are rounded
    CHECK(f.width - 0.5 <= 4.0 / 3.0 * (f.height + 0.5));
    least = std::min(least, area);
    most = std::max(most, area);
    areas += area / kDraws;
    fallbacks += f.height == 40.0 && f.width == 53.0;
  }
  CHECK(least > 0.07);
  CHECK(least < 0.09);
  CHECK(most > 0.75);
  CHECK(areas > 0.35);  // the largest seldom fit
  CHECK(areas < 0.5);
  CHECK(fallbacks < kDraws / 20);
  // Nothing near a ratio of 1 fits such a strip: the centre with a ratio of 4/3, or 3/4.
  const kernels::Frame wide = kernels::draw_frame(stream_of(1, 0), 0.9, {6, 100, 3}), high = kernels::draw_frame(stream_of(1, 0), 0.9, {100, 6, 3});
  CHECK(wide.width == 8.0);
  CHECK(wide.left == 46.0);
  CHECK(wide.height == 6.0);
  CHECK(high.height == 8.0);
  CHECK(high.top == 46.0);
}

TEST_CASE("augment views: random parts are the resampled pixels of the drawn frame and may be mirrored") {
  const Images images;
  for (const auto& [h, w] : {std::pair{9, 12}, {4, 4}, {15, 7}}) {
    for (const std::int32_t epoch : {0, 1, 2}) {
      const Augmentation plain{.framing = Framing::random}, flipped{.flip = true, .framing = Framing::random};
      const kernels::Frame frame = kernels::draw_frame(stream_of(3, epoch), 0.08, images.sizes());
      const std::vector<double> expected = resampled(images, 3, frame, h, w);
      CHECK(difference(shown(cpu(), DType::f64, images, plain, {3}, h, w, epoch).to_doubles(), expected).relative < 1e-12);
      std::vector<double> mirrored = shown(cpu(), DType::f64, images, flipped, {3}, h, w, epoch).to_doubles();
      if (stream_of(3, epoch).word(2) & 1u) {
        for (int i = 0; i < h; ++i) {
          for (int j = 0; 2 * j < w - 1; ++j) {
            const auto left = mirrored.begin() + 3 * (i * w + j), right = mirrored.begin() + 3 * (i * w + w - 1 - j);
            std::swap_ranges(left, left + 3, right);
          }
        }
      }
      CHECK(difference(mirrored, expected).relative < 1e-12);
    }
  }
}

TEST_CASE("augment views: a part of the image's own size is the image and 224 of 256 is the plain centre") {
  const Images images;
  const kernels::Frame whole{0.0, 0.0, 9.0, 12.0, 0, 8, 0, 11};
  const std::vector<double> all = resampled(images, 2, whole, 9, 12);
  CHECK(difference(shown(cpu(), DType::f64, images, {.framing = Framing::random, .least_area = 1.0}, {2}, 9, 12).to_doubles(), all).relative < 1e-12);
  const Images square{1, 16, 16, 1};
  const std::vector<std::uint8_t> bytes = square.bytes();
  const std::vector<double> centre = shown(cpu(), DType::f64, square, {.framing = Framing::centre}, {0}, 14, 14).to_doubles();
  for (int i = 0; i < 14; ++i) {
    for (int j = 0; j < 14; ++j) {
      const double byte = bytes[static_cast<std::size_t>(16 * (i + 1) + j + 1)];
      CHECK(centre[static_cast<std::size_t>(14 * i + j)] * 255.0 == doctest::Approx(byte));
    }
  }
}

TEST_CASE("augment views: brightness and contrast and saturation blend with black and the mean grey and grey") {
  const Images images;
  const std::vector<double> x = shown(cpu(), DType::f64, images, {}, {4}, 9, 12).to_doubles();
  const auto grey = [&](std::size_t pixel) { return 0.2989 * x[3 * pixel] + 0.587 * x[3 * pixel + 1] + 0.114 * x[3 * pixel + 2]; };
  double mean = 0.0;
  for (std::size_t p = 0; p < x.size() / 3; ++p) mean += grey(p) / static_cast<double>(x.size() / 3);
  for (const std::int32_t epoch : {0, 1, 2, 3}) {
    const auto check = [&](double Augmentation::*change, std::uint64_t word, double most, const auto& other) {
      const double low = std::max(0.0, 1.0 - most), factor = low + (1.0 + most - low) * static_cast<double>(stream_of(4, epoch).uniform(word));
      const std::vector<double> y = shown(cpu(), DType::f64, images, only(change, most), {4}, 9, 12, epoch).to_doubles();
      for (std::size_t i = 0; i < x.size(); ++i) CHECK(std::abs(y[i] - std::clamp(factor * x[i] + (1.0 - factor) * other(i), 0.0, 1.0)) < 1e-12);
    };
    check(&Augmentation::brightness, 49, 0.5, [](std::size_t) { return 0.0; });
    check(&Augmentation::brightness, 49, 3.0, [](std::size_t) { return 0.0; });
    check(&Augmentation::contrast, 50, 0.7, [&](std::size_t) { return mean; });
    check(&Augmentation::saturation, 51, 0.9, [&](std::size_t i) { return grey(i / 3); });
  }
}

TEST_CASE("augment views: the hue turns in the hexagon of colours") {
  const auto turned = [](std::array<double, 3> colour, double turns) {
    kernels::turn_hue(colour.data(), turns);
    return colour;
  };
  const auto near = [](const std::array<double, 3>& a, const std::array<double, 3>& b) {
    return std::abs(a[0] - b[0]) + std::abs(a[1] - b[1]) + std::abs(a[2] - b[2]) < 1e-12;
  };
  CHECK(near(turned({1, 0, 0}, 1.0 / 3.0), {0, 1, 0}));   // red, green, blue
  CHECK(near(turned({1, 0, 0}, -1.0 / 3.0), {0, 0, 1}));
  CHECK(near(turned({1, 0, 0}, 0.5), {0, 1, 1}));          // the complement
  CHECK(near(turned({1, 0, 0}, 1.0 / 12.0), {1, 0.5, 0}));  // orange
  CHECK(near(turned({0.2, 0.6, 0.4}, 1.0 / 6.0), {0.2, 0.4, 0.6}));
  CHECK(near(turned({0.3, 0.3, 0.3}, 0.4), {0.3, 0.3, 0.3}));
  for (int i = 0; i < 50; ++i) {
    const std::vector<double> v = random_values(4, static_cast<unsigned>(900 + i), 0.0, 1.0);
    const std::array<double, 3> colour{v[0], v[1], v[2]};
    CHECK(near(turned(turned(colour, v[3] - 0.5), 0.5 - v[3]), colour));
    CHECK(near(turned(colour, 1.0), colour));
  }
}

TEST_CASE("augment views: every order of changes is drawn and is the order in which they are made") {
  const Augmentation options{.brightness = 0.9, .contrast = 0.9, .saturation = 0.9, .hue = 0.3};
  std::vector<int> seen(256, 0);
  for (int sample = 0; sample < 2400; ++sample) {
    const kernels::ColourDraw draw = kernels::draw_colour(stream_of(sample, 0), options);
    int code = 0;
    for (const kernels::ColourChange change : draw.order) code = 4 * code + static_cast<int>(change);
    ++seen[static_cast<std::size_t>(code)];
  }
  CHECK(std::count_if(seen.begin(), seen.end(), [](int n) { return n > 0; }) == 24);
  CHECK(*std::max_element(seen.begin(), seen.end()) < 160);  // 100 expected
  // Contrast first or last gives other pictures; the mean grey is that of the image as it then is.
  const Images images;
  for (std::int32_t epoch = 0; epoch < 12; ++epoch) {
    const kernels::ColourDraw draw = kernels::draw_colour(stream_of(0, epoch), options);
    std::vector<double> x = shown(cpu(), DType::f64, images, {}, {0}, 9, 12).to_doubles();
    for (const kernels::ColourChange change : draw.order) {
      double mean = 0.0;
      for (std::size_t p = 0; p < x.size(); p += 3) mean += kernels::grey_of(&x[p], 3) / static_cast<double>(x.size() / 3);
      const double factor = draw.factor[static_cast<int>(change)];
      for (std::size_t p = 0; p < x.size(); p += 3) {
        if (change == kernels::ColourChange::hue) kernels::turn_hue(&x[p], factor);
        if (change == kernels::ColourChange::brightness) kernels::blend(&x[p], 3, 0.0, factor);
        if (change == kernels::ColourChange::contrast) kernels::blend(&x[p], 3, mean, factor);
        if (change == kernels::ColourChange::saturation) kernels::blend(&x[p], 3, kernels::grey_of(&x[p], 3), factor);
      }
    }
    CHECK(difference(shown(cpu(), DType::f64, images, options, {0}, 9, 12, epoch).to_doubles(), x).relative < 1e-9);
  }
}

TEST_CASE("augment views: kernels agree with the specification and a batch of its own with one that is gathered") {
  const Images colour, grey{5, 9, 12, 1};
  const std::vector<std::int32_t> samples = {3, 0, 4, 3};
  std::vector<Augmentation> all = {{.flip = true, .cutout = 5, .framing = Framing::random}, {.framing = Framing::centre}};
  all.push_back({.pad = 2, .flip = true, .cutout = 3, .brightness = 0.4, .contrast = 0.4, .saturation = 0.4, .hue = 0.1});
  all.push_back({.pad = 3, .fill_with_mean = true, .contrast = 0.9});
  all.push_back({.flip = true, .framing = Framing::random, .least_area = 0.3, .brightness = 0.4, .contrast = 0.4, .saturation = 0.4, .hue = 0.1});
  for (const Augmentation& options : all) {
    const bool resampled = options.framing != Framing::shifted;
    const int h = resampled ? 37 : 9, w = resampled ? 41 : 12;  // two chunks
    for (const Images& images : {colour, grey}) {
      const Tensor expected = shown(cpu(), DType::f64, images, options, samples, h, w, 5);
      CHECK(difference(shown(cpu(), DType::f32, images, options, samples, h, w, 5).to_doubles(), expected.to_doubles()).relative < 1e-5);
      for (const NamedContext& gpu : gpu_contexts()) {
        CAPTURE(gpu.name);
        CHECK(difference(shown(*gpu.context, DType::f32, images, options, samples, h, w, 5).to_doubles(), expected.to_doubles()).relative < 1e-5);
        CHECK(difference(shown(*gpu.context, DType::bf16, images, options, samples, h, w, 5).to_doubles(), expected.to_doubles()).relative < 0x1p-7);
      }
    }
  }
  // Images 0 to 4 are gathered in their order; the samples' numbers may be any.
  for (const Augmentation& options : {all[0], all[2], Augmentation{.pad = 2, .flip = true}}) {
    const bool resampled = options.framing != Framing::shifted;
    const int h = resampled ? 8 : 9, w = resampled ? 8 : 12;
    const Tensor gathered = shown(cpu(), DType::f32, colour, options, {0, 1, 2, 3, 4}, h, w, 5, true);
    CHECK(bit_equal(gathered, shown(cpu(), DType::f32, colour, options, {0, 1, 2, 3, 4}, h, w, 5)));
    const Tensor others = shown(cpu(), DType::f32, colour, options, {1000000, 7, 8, 9, 0}, h, w, 5, true);
    CHECK_FALSE(bit_equal(others, gathered));
    for (const NamedContext& gpu : gpu_contexts()) {
      const Tensor there = shown(*gpu.context, DType::f32, colour, options, {1000000, 7, 8, 9, 0}, h, w, 5, true);
      CHECK(difference(there.to_doubles(), others.to_doubles()).relative < 1e-5);
    }
  }
}

TEST_CASE("augment views: sizes and amounts that mean nothing are refused") {
  const Images images, five{2, 4, 4, 5};
  CHECK_THROWS_AS(shown(cpu(), DType::f32, images, {.framing = Framing::random}, {0}, 0, 4), ShapeError);
  CHECK_THROWS_AS(shown(cpu(), DType::f32, images, {.brightness = 0.4}, {0}, 4, 4), ShapeError);
  CHECK_THROWS_WITH_AS(shown(cpu(), DType::f32, five, {.framing = Framing::centre}, {0}, 4, 4),
                       "augment: images of 5 channels can neither be resampled nor change their colours; 1 or 3 can", ConfigError);
  CHECK_THROWS_AS(shown(cpu(), DType::f32, five, {.hue = 0.1}, {0}, 4, 4), ConfigError);
  CHECK_THROWS_AS(shown(cpu(), DType::f32, images, {.hue = 0.6}, {0}, 9, 12), ConfigError);
  CHECK_THROWS_AS(shown(cpu(), DType::f32, images, {.contrast = -1.0}, {0}, 9, 12), ConfigError);
  CHECK_THROWS_AS(shown(cpu(), DType::f32, images, {.framing = Framing::random, .least_area = 0.0}, {0}, 9, 12), ConfigError);
  CHECK_THROWS_AS(shown(cpu(), DType::f32, images, {}, {0, 1}, 9, 12, 0, true), ShapeError);
  CHECK_THROWS_AS(shown(cpu(), DType::f32, images, {}, {-1, 1, 2, 3, 4}, 9, 12, 0, true), DataError);
}

}  // namespace pliant::test
