// "pocket", a net that Pliant does not have: a stem, one residual block with 16 channels, one with 32 at half the resolution, and a linear
// layer on the average. Its builder says nothing about widths, exits, dropped blocks or pruning; the net has them all the same.
#pragma once

#include "nets/net.h"

// What it is built as where nothing else is said: for colour images of 32 x 32 in ten classes.
pliant::NetDescription pocket_description();

// Throws ConfigError for images whose sides are odd.
pliant::Net build_pocket(const pliant::NetDescription& description);
