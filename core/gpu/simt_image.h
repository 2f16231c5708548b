// Where the program's own image lies in memory: kernels may read its constants, and its writable part holds the static
// __shared__ arrays.
#pragma once

#include <cstdint>

namespace pliant::gpu::simt {

enum class ImagePart { none, constant, writable };
ImagePart part_of_image(std::uintptr_t address);

}  // namespace pliant::gpu::simt
