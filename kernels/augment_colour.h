// Colour jitter of one pixel, as torchvision's ColorJitter on images of numbers in 0..1, once for every backend: brightness, contrast,
// saturation and hue in an order drawn for the image, each by a factor drawn for it. Grey images (one channel) have no saturation and no hue.
#pragma once

#include <cmath>

#include "kernels/augment_formulas.h"

namespace pliant::kernels {

enum class ColourChange : std::uint8_t { brightness, contrast, saturation, hue };

struct ColourDraw {
  ColourChange order[4];
  double factor[4];  // by ColourChange; of the hue what is added, in turns
};

// Factors uniform in [max(0, 1 - x), 1 + x], of the hue in [-x, x]; every order equally likely. Words 48 to 52.
PLIANT_HOST_DEVICE inline ColourDraw draw_colour(const RandomStream& stream, const Augmentation& options) {
  ColourDraw draw{{ColourChange::brightness, ColourChange::contrast, ColourChange::saturation, ColourChange::hue}, {1.0, 1.0, 1.0, 0.0}};
  std::uint32_t number = stream.below(48, 24);
  for (std::uint32_t left = 4; left > 1; --left) {  // digits of the number in the factorial system choose who goes last
    const std::uint32_t at = number % left;
    number /= left;
    const ColourChange chosen = draw.order[at];
    draw.order[at] = draw.order[left - 1];
    draw.order[left - 1] = chosen;
  }
  const double most[4] = {options.brightness, options.contrast, options.saturation, options.hue};
  for (int change = 0; change < 4; ++change) {
    const double centre = change == 3 ? 0.0 : 1.0, u = static_cast<double>(stream.uniform(static_cast<std::uint64_t>(49 + change)));
    const double low = change < 3 && most[change] > 1.0 ? 0.0 : centre - most[change], high = centre + most[change];
    draw.factor[change] = low + (high - low) * u;
  }
  return draw;
}

template <class T>
PLIANT_HOST_DEVICE inline T grey_of(const T* colour, int c) {
  return c == 3 ? T(0.2989) * colour[0] + T(0.587) * colour[1] + T(0.114) * colour[2] : colour[0];
}

template <class T>
PLIANT_HOST_DEVICE inline void blend(T* colour, int c, T other, T factor) {
  for (int k = 0; k < c; ++k) {
    const T mixed = factor * colour[k] + (T(1) - factor) * other;
    colour[k] = mixed < T(0) ? T(0) : mixed > T(1) ? T(1) : mixed;
  }
}

// Turns the hue: with value v = max, chroma = max - min and hue h in sixths of a turn, channel n of red 5, green 3, blue 1 is
// v - chroma max(0, min(t, 4 - t, 1)) for t = (n + h) mod 6.
template <class T>
PLIANT_HOST_DEVICE inline void turn_hue(T* colour, T turns) {
  const T r = colour[0], g = colour[1], b = colour[2];
  const T most = r > g ? (r > b ? r : b) : (g > b ? g : b), least = r < g ? (r < b ? r : b) : (g < b ? g : b);
  const T chroma = most - least;
  if (!(chroma > T(0))) return;
  const T hue = (most == r ? (g - b) / chroma : most == g ? T(2) + (b - r) / chroma : T(4) + (r - g) / chroma) + T(6) * turns;
  for (int k = 0; k < 3; ++k) {
    T t = T(5 - 2 * k) + hue;
    t -= T(6) * std::floor(t / T(6));
    const T falling = T(4) - t, lower = t < falling ? t : falling, part = lower < T(0) ? T(0) : lower > T(1) ? T(1) : lower;
    colour[k] = most - chroma * part;
  }
}

// Applies the changes in their order to colour [c], c = 1 or 3; before contrast alone where `until_contrast`. grey_mean: of the whole image
// as it is when contrast comes.
template <class T>
PLIANT_HOST_DEVICE void change_colour(const ColourDraw& draw, const Augmentation& options, bool until_contrast, T grey_mean, T* colour, int c) {
  for (const ColourChange change : draw.order) {
    const T factor = static_cast<T>(draw.factor[static_cast<int>(change)]);
    if (change == ColourChange::brightness && options.brightness > 0.0) blend(colour, c, T(0), factor);
    if (change == ColourChange::contrast && until_contrast) return;
    if (change == ColourChange::contrast && options.contrast > 0.0) blend(colour, c, grey_mean, factor);
    if (change == ColourChange::saturation && options.saturation > 0.0 && c == 3) blend(colour, c, grey_of(colour, c), factor);
    if (change == ColourChange::hue && options.hue > 0.0 && c == 3) turn_hue(colour, factor);
  }
}

}  // namespace pliant::kernels
