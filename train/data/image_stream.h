// Decodes images ahead of whoever takes them, batch by batch in a given order, by threads of its own (std::thread; no OpenMP). At most
// kBatches batches are in memory at a time, the one that was taken last included: the threads wait until it is given back. The bytes
// depend on the files and the order alone, not on the number of threads. One thread takes batches.
#pragma once

#include <condition_variable>
#include <exception>
#include <mutex>
#include <optional>
#include <span>
#include <thread>

#include "train/data/image_files.h"

namespace pliant {

class ImageStream {
 public:
  static constexpr std::int64_t kBatches = 4;

  // order: images of the part, cut into batches of `batch`, of which those before `first` are left out. Decoding starts at once.
  // ConfigError unless batch >= 1, DataError for an image that the part does not have, Error where no thread can be started.
  ImageStream(std::shared_ptr<const ImageFiles> files, std::vector<std::int32_t> order, std::int64_t batch, std::int64_t first = 0);
  // Ends the threads, once each has decoded the image that it is at.
  ~ImageStream();
  ImageStream(const ImageStream&) = delete;
  ImageStream& operator=(const ImageStream&) = delete;

  // The bytes [n, H, W, C] of the next batch, which stay until the next call; waits for them. Throws what decoding an image of the batch
  // threw, the first in the order: a DataError that names the file. Batches before it are handed out, whatever thread met it.
  std::span<const std::uint8_t> next();

  std::int64_t images_in_memory() const;  // decoded, or being decoded, and not given back
  std::int64_t peak_images() const;       // the most that there have been

 private:
  struct Slot {  // of one batch
    std::vector<std::uint8_t> bytes;
    std::int64_t missing = 0;   // images that are not decoded yet
    std::int64_t failed_at = 0;  // place in the order
    std::exception_ptr failure;
  };

  std::int64_t end_of(std::int64_t batch) const;       // places in the order
  Slot& slot_of(std::int64_t batch) { return slots_[static_cast<std::size_t>(batch % kBatches)]; }
  std::optional<std::int64_t> claim();                 // the next place to decode, once there is room; nothing at the end
  void decode_until_stopped();
  void stop();

  const std::shared_ptr<const ImageFiles> files_;
  const std::vector<std::int32_t> order_;
  const std::int64_t batch_;
  mutable std::mutex mutex_;          // of all that follows but the bytes of slots, which one thread each writes in places of its own
  std::condition_variable room_, ready_;
  std::vector<Slot> slots_;
  std::int64_t claimed_, given_back_, peak_ = 0;  // places in the order; batches
  bool taken_ = false, stopped_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace pliant
