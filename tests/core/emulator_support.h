// What the emulator's own tests share: a device per thread order, and arrays on it.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "core/check.h"
#include "core/gpu/runtime.h"
#include "core/gpu/simt_device.h"

namespace pliant {

// An array on an emulated device.
template <class T>
class DeviceArray {
 public:
  DeviceArray(gpu::Stream stream, std::size_t size)
      : stream_(stream), size_(size), data_(static_cast<T*>(gpu::allocate(stream, size * sizeof(T)))) {}
  DeviceArray(gpu::Stream stream, const std::vector<T>& values) : DeviceArray(stream, values.size()) {
    gpu::copy_to_device(stream, data_, values.data(), size_ * sizeof(T));
  }
  ~DeviceArray() { gpu::release(stream_, data_); }
  DeviceArray(const DeviceArray&) = delete;
  DeviceArray& operator=(const DeviceArray&) = delete;

  T* get() const { return data_; }
  std::vector<T> download() const {
    std::vector<T> values(size_);
    gpu::copy_to_host(stream_, values.data(), data_, size_ * sizeof(T));
    return values;
  }

 private:
  gpu::Stream stream_;
  std::size_t size_;
  T* data_;
};

class Emulator {
 public:
  explicit Emulator(gpu::ThreadOrder order) : stream_(gpu::create_stream(order, 7), &gpu::destroy_stream) {}

  gpu::Stream stream() const { return stream_.get(); }
  template <class T>
  DeviceArray<T> array(std::size_t size) const {
    return DeviceArray<T>(stream(), size);
  }
  template <class T>
  DeviceArray<T> upload(const std::vector<T>& values) const {
    return DeviceArray<T>(stream(), values);
  }

 private:
  std::shared_ptr<gpu::simt::Device> stream_;
};

inline std::vector<Emulator> emulators() {
  return {Emulator(gpu::ThreadOrder::forward), Emulator(gpu::ThreadOrder::reverse),
          Emulator(gpu::ThreadOrder::shuffled)};
}

// The message of the DeviceError that f throws, or "" if it throws none.
template <class F>
std::string report_of(F&& f) {
  try {
    f();
  } catch (const DeviceError& error) {
    return error.what();
  }
  return "";
}

}  // namespace pliant
