// The shape of the 3x3 filters of a net, as NetDescription::kernel_shape says: full, cross, centre, or graded. In trained nets the
// corners matter less the deeper a layer lies (Liu et al., 2019, figure 4); graded builds that in.
#pragma once

#include <map>
#include <string>

#include "layers/conv2d.h"
#include "nets/description.h"

namespace pliant {

// Throws ConfigError for anything but full, cross and centre.
KernelShape kernel_shape(const std::string& name);

// The shapes of a graded net by the convolution's name. Convolutions whose outputs have equally many pixels are one group; ordered
// by falling size, the last group is centre, the one before it cross where there are three or more, and all others are full. For
// VGG on 32 x 32 pixels: 32, 16 and 8 full, 4 cross, 2 centre; for CIFAR ResNets 32 full, 16 cross, 8 centre.
// Convolutions of exits belong to the group of their size. What was removed from the net or cut off does not change the shapes of
// the rest. Throws ConfigError where there are fewer than two groups.
std::map<std::string, KernelShape> graded_kernel_shapes(const NetDescription& description);

}  // namespace pliant
