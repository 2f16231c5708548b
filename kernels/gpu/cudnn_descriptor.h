// One descriptor of cuDNN's graph interface, and the errors of that library. cuDNN's names of kinds, attributes and types are plain
// numbers here, so that its own types stay in *_cudnn.cpp. Only in builds with CUDA.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>

#include "core/check.h"

namespace pliant::kernels::gpu {

// Throws DeviceError naming what was tried, cuDNN's status and its own explanation, unless the status says success.
void require_cudnn(int status, const char* what);

// Owns one descriptor: filled in attribute by attribute, then finalised, then read by others.
class CudnnDescriptor {
 public:
  explicit CudnnDescriptor(int kind);
  ~CudnnDescriptor();
  CudnnDescriptor(CudnnDescriptor&& other) noexcept;
  CudnnDescriptor& operator=(CudnnDescriptor&& other) noexcept;

  void set(int attribute, int type, const void* values, std::int64_t count = 1);
  void set_size(int attribute, std::int64_t value);
  void set_sizes(int attribute, std::initializer_list<std::int64_t> values);
  void set_descriptor(int attribute, const CudnnDescriptor& value);

  void finalise(const char* what);  // throws DeviceError
  // False where cuDNN does not support what is described, and `why` receives its reason. Throws DeviceError where cuDNN itself
  // does not work: not initialised, a part of it missing or of another version.
  bool try_finalise(const char* what, std::string* why = nullptr);

  std::int64_t size(int attribute) const;  // one number of a finalised descriptor
  void* raw() const { return raw_; }

 private:
  void* raw_ = nullptr;
};

}  // namespace pliant::kernels::gpu
