// A contact sheet: rows of small images with a label left of each, such as the samples that left at each exit, as one
// PNG. Letters come from a bitmap font of our own; which images are shown is the caller's choice.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "train/data/image_file.h"

namespace pliant {

struct SheetRow {
  std::string label;          // A-Z (small letters are drawn as these), 0-9 and . , % - + : / ( ) = _; others as a box
  std::vector<Image> images;  // left to right; may be empty
};

// All rows below one another on white, every pixel of an image scale x scale pixels; with the channels of the images.
// Images must have one size and one number of channels (1 or 3). ConfigError for no image at all, images that differ or
// have too few or too many bytes, a scale outside 1 to 16, and sheets with a side above 16384 pixels.
Image image_sheet(std::span<const SheetRow> rows, int scale = 2);

// image_sheet() as a PNG file. Also Error if it cannot be written; an older file then stays.
void write_image_sheet(const std::string& path, std::span<const SheetRow> rows, int scale = 2);

}  // namespace pliant
