// What `pliant sensitivity --layers` prints and draws.
#pragma once

#include <string>

#include "train/layer_sensitivity.h"

namespace pliant::cli {

// One row per layer and ratio, then one per layer, then the rank correlation.
std::string to_text(const LayerSensitivity& study);
// An object: accuracy, loss, layers, rank_correlation (null where there is none).
std::string to_json(const LayerSensitivity& study);

// Accuracy over the ratio into `path`, the sorted normalised L1 sums beside it into the file ending in -norms.svg.
void draw_layers(const LayerSensitivity& study, const std::string& title, const std::string& path);

}  // namespace pliant::cli
