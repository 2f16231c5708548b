// Versions of the libraries that compute on a GPU: what the build saw against what the program has loaded.
#pragma once

#include <compare>
#include <ostream>

#include "core/check.h"

namespace pliant::kernels::gpu {

struct LibraryVersion {
  int major, minor, patch;
  auto operator<=>(const LibraryVersion&) const = default;
};
inline std::ostream& operator<<(std::ostream& out, const LibraryVersion& version) {
  return out << version.major << '.' << version.minor << '.' << version.patch;
}

// What the program has loaded, and what it was compiled for. Only in builds with CUDA.
struct LibraryVersions {
  LibraryVersion loaded, compiled;
};
LibraryVersions cudnn_versions();
LibraryVersions cublaslt_versions();

// Throws DeviceError naming the library and both versions where their major numbers differ.
inline void require_same_major(const char* library, const LibraryVersions& v) {
  PLIANT_REQUIRE(DeviceError, v.compiled.major == v.loaded.major, library, ' ', v.loaded, " is loaded, but Pliant was compiled for ", library,
                 ' ', v.compiled, "; put version ", v.compiled.major, " first in LD_LIBRARY_PATH, or build Pliant again");
}

}  // namespace pliant::kernels::gpu
