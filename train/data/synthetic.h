// The built-in set: pictures of oriented stripes, for trying things out where there is no real data. It teaches nothing
// about the world, and every report that uses it must name it.
//
// The class is the angle of the stripes to the horizontal (0, 22.5, 45, 67.5, 90 degrees) and their spacing (coarse,
// then fine): ten classes, of which options.classes are used. Phase, position, contrast, sign, colour, background and
// the side to which the stripes lean are random, with noise on top. So the mean picture of every class is the same grey
// and no linear template works, while small convolutions solve it; mirroring and shifting a picture keeps its class.
#pragma once

#include "train/data/dataset.h"

namespace pliant {

enum class SyntheticPart : std::uint32_t { train = 0, test = 1 };

// Images i = 0, 1, ... of one part, image i of class i mod classes. The bytes depend on the options and (part, i)
// alone. ConfigError: sides below 8 or above 1024, channels other than 1 and 3, classes outside 2..10, fewer images
// than classes.
Dataset make_synthetic(const SyntheticOptions& options, SyntheticPart part, int threads = 0);

}  // namespace pliant
