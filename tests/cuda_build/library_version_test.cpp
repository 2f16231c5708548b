// Libraries of another version than the build saw.
#include "kernels/gpu/library_version.h"

#include <doctest/doctest.h>

#include "kernels/gpu/cudnn_descriptor.h"

namespace pliant::test {

using namespace kernels::gpu;

TEST_CASE("library versions: those that are loaded here are those of the build") {
  CHECK_NOTHROW(require_same_major("cuDNN", cudnn_versions()));
  CHECK_NOTHROW(require_same_major("cuBLASLt", cublaslt_versions()));
  CHECK(cudnn_versions().loaded.major == 9);
  CHECK(cublaslt_versions().loaded.major >= 13);
}

TEST_CASE("library versions: another major version is refused and both are named") {
  std::string text;
  try {
    require_same_major("cuDNN", {.loaded = {8, 9, 2}, .compiled = {9, 19, 0}});
  } catch (const DeviceError& error) {
    text = error.what();
  }
  CHECK(text.find("cuDNN 8.9.2 is loaded") != std::string::npos);
  CHECK(text.find("compiled for cuDNN 9.19.0") != std::string::npos);
  CHECK_NOTHROW(require_same_major("cuDNN", {.loaded = {9, 1, 0}, .compiled = {9, 19, 0}}));
}

TEST_CASE("library versions: a failed call names what was tried and cuDNN's status") {
  CHECK_THROWS_WITH_AS(require_cudnn(1008, "cudnnCreate"), doctest::Contains("CUDNN_STATUS_SUBLIBRARY_LOADING_FAILED"), DeviceError);
  CHECK_NOTHROW(require_cudnn(0, "cudnnCreate"));
}

}  // namespace pliant::test
