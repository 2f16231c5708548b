// One image file (PNG or JPEG) as pixels, and resizing. Decoding is stb_image's, after image_checks.h has looked for what it lets pass.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <vector>

namespace pliant {

struct Image {
  int height = 0, width = 0, channels = 0;  // channels 1 or 3
  std::vector<std::uint8_t> pixels;         // [H, W, C]
};

// Whether the name ends in .png, .jpg or .jpeg, in any case.
bool is_image_name(const std::filesystem::path& path);

// Decodes a file; an alpha channel is left out, 16-bit samples are cut to 8. Sides up to 16384. DataError names the
// file.
Image read_image(const std::filesystem::path& path);

// Grey to red = green = blue; colour to grey by the luma weights .299, .587, .114 (ITU-R BT.601). channels is 1 or 3.
Image with_channels(Image image, int channels);

// Scales so that the image just covers height x width and cuts out the centre. Triangle filter, widened when shrinking.
Image resize_and_crop(const Image& image, int height, int width);

// Grey image or [H, W, 3] as the bytes of a PNG file.
std::vector<std::uint8_t> encode_png(const Image& image);

// The same in a file, for tests and examples of files. FileError if it cannot be written.
void write_png(const std::filesystem::path& path, const Image& image);

}  // namespace pliant
