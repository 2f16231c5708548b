#include "kernels/gpu/cudnn_descriptor.h"

#include <cudnn.h>

#include <utility>

#include "kernels/gpu/library_version.h"

namespace pliant::kernels::gpu {

namespace {

constexpr int kNotInitialised = 1;  // thousands of a status: no driver, a part of cuDNN missing or of another version

cudnnStatus_t as_status(int status) { return static_cast<cudnnStatus_t>(status); }

// cuDNN's explanation of the last failure, empty where it has none.
std::string explanation() {
  char text[1024] = "";
  cudnnGetLastErrorString(text, sizeof text);
  return text[0] == '\0' ? std::string() : cat(" (", text, ")");
}

}  // namespace

void require_cudnn(int status, const char* what) {
  PLIANT_REQUIRE(DeviceError, status == CUDNN_STATUS_SUCCESS, "cuDNN: ", what, " failed: ", cudnnGetErrorString(as_status(status)),
                 explanation());
}

LibraryVersions cudnn_versions() {
  LibraryVersion loaded{};
  require_cudnn(cudnnGetProperty(MAJOR_VERSION, &loaded.major), "reading the version");
  require_cudnn(cudnnGetProperty(MINOR_VERSION, &loaded.minor), "reading the version");
  require_cudnn(cudnnGetProperty(PATCH_LEVEL, &loaded.patch), "reading the version");
  return {loaded, {CUDNN_MAJOR, CUDNN_MINOR, CUDNN_PATCHLEVEL}};
}

CudnnDescriptor::CudnnDescriptor(int kind) {
  require_cudnn(cudnnBackendCreateDescriptor(static_cast<cudnnBackendDescriptorType_t>(kind), &raw_), "making a descriptor");
}
CudnnDescriptor::~CudnnDescriptor() {
  if (raw_) cudnnBackendDestroyDescriptor(raw_);
}
CudnnDescriptor::CudnnDescriptor(CudnnDescriptor&& other) noexcept : raw_(std::exchange(other.raw_, nullptr)) {}
CudnnDescriptor& CudnnDescriptor::operator=(CudnnDescriptor&& other) noexcept { return std::swap(raw_, other.raw_), *this; }

void CudnnDescriptor::set(int attribute, int type, const void* values, std::int64_t count) {
  require_cudnn(cudnnBackendSetAttribute(raw_, static_cast<cudnnBackendAttributeName_t>(attribute),
                                         static_cast<cudnnBackendAttributeType_t>(type), count, values),
                "setting an attribute");
}
void CudnnDescriptor::set_size(int attribute, std::int64_t value) { set(attribute, CUDNN_TYPE_INT64, &value); }
void CudnnDescriptor::set_sizes(int attribute, std::initializer_list<std::int64_t> values) {
  set(attribute, CUDNN_TYPE_INT64, values.begin(), static_cast<std::int64_t>(values.size()));
}
void CudnnDescriptor::set_descriptor(int attribute, const CudnnDescriptor& value) {
  set(attribute, CUDNN_TYPE_BACKEND_DESCRIPTOR, &value.raw_);
}

void CudnnDescriptor::finalise(const char* what) { require_cudnn(cudnnBackendFinalize(raw_), what); }

bool CudnnDescriptor::try_finalise(const char* what, std::string* why) {
  const cudnnStatus_t status = cudnnBackendFinalize(raw_);
  if (status / 1000 == kNotInitialised) require_cudnn(status, what);
  if (status != CUDNN_STATUS_SUCCESS && why) *why = cat(what, ": ", cudnnGetErrorString(status), explanation());
  return status == CUDNN_STATUS_SUCCESS;
}

std::int64_t CudnnDescriptor::size(int attribute) const {
  std::int64_t value = 0, count = 0;
  require_cudnn(cudnnBackendGetAttribute(raw_, static_cast<cudnnBackendAttributeName_t>(attribute), CUDNN_TYPE_INT64, 1, &count, &value),
                "reading an attribute");
  return value;
}

}  // namespace pliant::kernels::gpu
