// A Context is the one long-lived object of a program: a device, its stream, its memory and the handles of the libraries
// that compute on it. It owns all of them, must outlive its tensors, and is used by one host thread at a time.
#pragma once

#include <memory>
#include <string>
#include <typeindex>
#include <unordered_map>
#include <utility>

#include "core/gpu/runtime.h"
#include "core/memory_pool.h"

namespace pliant {

enum class Device : std::uint8_t { cpu, cuda, emulated };
enum class Backend : std::uint8_t { cpu, gpu };  // gpu: CUDA, or the emulator in a build without CUDA

const char* name_of(Device device);

// True where this build and this machine can use the device; `why` receives the reason otherwise.
bool is_usable(Device device, std::string* why = nullptr);

struct ContextOptions {
  int threads = 0;                                          // CPU threads; 0: all cores
  gpu::ThreadOrder order = gpu::ThreadOrder::forward;       // of the emulator
  std::uint64_t order_seed = 0;                             // of the shuffled order
  bool check_finite = false;                                // after each op, throw if it wrote NaN or infinity; slow
  bool trace = false;                                       // print each op with its shapes on stderr
  // Of the libraries that compute on a GPU:
  bool tf32 = false;                                        // may round f32 factors to TF32 (10 bits of mantissa)
  bool deterministic = true;                                // sum in a fixed order alone: the same bits in every run
  bool timed_plans = false;                                 // time several engines for a new shape and take the fastest
  bool log_plans = false;                                   // print each chosen engine on stderr; trace does too
};

// Something a library needs once per Context: handles, primitive and plan caches. Made on first use.
class Attachment {
 public:
  virtual ~Attachment() = default;
};

class Context {
 public:
  // Throws DeviceError with the reason where the device cannot be used here.
  explicit Context(Device device, ContextOptions options = {});
  ~Context();
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;

  Device device() const { return device_; }
  Backend backend() const { return device_ == Device::cpu ? Backend::cpu : Backend::gpu; }
  gpu::Stream stream() const { return stream_; }
  MemoryPool& pool() { return *pool_; }  // where new tensors come from
  int threads() const { return threads_; }
  const ContextOptions& options() const { return options_; }
  std::shared_ptr<MemoryPool> share_pool() { return pool_; }
  void synchronize();

  // The attachment of type T, made by T(*this) when first asked for.
  template <class T>
  T& attachment() {
    std::unique_ptr<Attachment>& slot = attachments_[std::type_index(typeid(T))];
    if (!slot) slot = std::make_unique<T>(*this);
    return static_cast<T&>(*slot);
  }

 private:
  friend class PoolScope;
  Device device_;
  ContextOptions options_;
  int threads_ = 1;
  gpu::Stream stream_{};
  std::shared_ptr<MemoryPool> pool_;  // shared with every tensor that came from it
  std::unordered_map<std::type_index, std::unique_ptr<Attachment>> attachments_;
};

// While it lives, new tensors of the context come from another pool. Every tensor goes back to the pool that it came from.
class PoolScope {
 public:
  PoolScope(Context& context, std::shared_ptr<MemoryPool> pool) : context_(context), former_(std::exchange(context.pool_, std::move(pool))) {}
  ~PoolScope() { context_.pool_ = std::move(former_); }
  PoolScope(const PoolScope&) = delete;
  PoolScope& operator=(const PoolScope&) = delete;

 private:
  Context& context_;
  std::shared_ptr<MemoryPool> former_;
};

}  // namespace pliant
