#include "train/data/image_stream.h"

#include <algorithm>
#include <system_error>

#include "core/check.h"

namespace pliant {

void ImageFiles::decode(std::int64_t index, std::uint8_t* to) const {
  const Image image = decode_image(*list, indices[static_cast<std::size_t>(index)], shape, resize);
  std::copy(image.pixels.begin(), image.pixels.end(), to);
}

ImageStream::ImageStream(std::shared_ptr<const ImageFiles> files, std::vector<std::int32_t> order, std::int64_t batch, std::int64_t first)
    : files_(std::move(files)), order_(std::move(order)), batch_(batch), slots_(kBatches), claimed_(first * batch), given_back_(first) {
  PLIANT_REQUIRE(ConfigError, batch >= 1, "batch size ", batch, ", expected at least 1");
  for (const std::int32_t image : order_) {
    PLIANT_REQUIRE(DataError, image >= 0 && image < files_->size(), "image ", image, " of a part with ", files_->size());
  }
  const auto places = static_cast<std::int64_t>(order_.size());
  const auto largest = static_cast<std::size_t>(std::min(batch, places) * files_->image_bytes());
  for (Slot& slot : slots_) slot.bytes.resize(largest);
  try {
    for (std::int64_t i = 0; i < std::clamp<std::int64_t>(files_->threads, 1, std::max<std::int64_t>(places, 1)); ++i) {
      threads_.emplace_back([this] { decode_until_stopped(); });
    }
  } catch (const std::system_error& error) {
    stop();
    throw Error(cat("a thread that decodes images cannot be started: ", error.what(), "; ask for fewer"));
  } catch (...) {
    stop();
    throw;
  }
}

ImageStream::~ImageStream() { stop(); }

void ImageStream::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
  }
  room_.notify_all();
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

std::int64_t ImageStream::end_of(std::int64_t batch) const { return std::min((batch + 1) * batch_, static_cast<std::int64_t>(order_.size())); }

std::optional<std::int64_t> ImageStream::claim() {
  std::unique_lock lock(mutex_);
  const auto places = static_cast<std::int64_t>(order_.size());
  room_.wait(lock, [&] { return stopped_ || claimed_ >= places || claimed_ / batch_ < given_back_ + kBatches; });
  if (stopped_ || claimed_ >= places) return std::nullopt;
  const std::int64_t place = claimed_++, batch = place / batch_;
  if (place % batch_ == 0) {
    Slot& slot = slot_of(batch);
    slot.missing = end_of(batch) - place;
    slot.failure = nullptr;
  }
  peak_ = std::max(peak_, claimed_ - given_back_ * batch_);
  return place;
}

void ImageStream::decode_until_stopped() {
  while (const std::optional<std::int64_t> place = claim()) {
    Slot& slot = slot_of(*place / batch_);
    std::exception_ptr failure;
    try {
      files_->decode(order_[static_cast<std::size_t>(*place)], slot.bytes.data() + *place % batch_ * files_->image_bytes());
    } catch (...) {
      failure = std::current_exception();
    }
    bool whole = false;
    {
      const std::lock_guard lock(mutex_);
      if (failure && (!slot.failure || *place < slot.failed_at)) {
        slot.failure = std::move(failure);
        slot.failed_at = *place;
      }
      whole = --slot.missing == 0;
    }
    if (whole) ready_.notify_all();
  }
}

std::span<const std::uint8_t> ImageStream::next() {
  std::unique_lock lock(mutex_);
  if (taken_) {
    ++given_back_;
    taken_ = false;
    room_.notify_all();
  }
  const std::int64_t batch = given_back_, begin = batch * batch_, end = end_of(batch);
  PLIANT_INVARIANT(begin < end, "batch ", batch, " of an order of ", order_.size(), " images in batches of ", batch_);
  Slot& slot = slot_of(batch);
  ready_.wait(lock, [&] { return claimed_ >= end && slot.missing == 0; });
  if (slot.failure) std::rethrow_exception(slot.failure);
  taken_ = true;
  return {slot.bytes.data(), static_cast<std::size_t>((end - begin) * files_->image_bytes())};
}

std::int64_t ImageStream::images_in_memory() const {
  const std::lock_guard lock(mutex_);
  return claimed_ - given_back_ * batch_;
}

std::int64_t ImageStream::peak_images() const {
  const std::lock_guard lock(mutex_);
  return peak_;
}

}  // namespace pliant
