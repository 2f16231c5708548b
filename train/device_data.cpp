#include "train/device_data.h"

#include "kernels/resize.h"

namespace pliant {

DeviceData to_device(Context& context, const Dataset& data, const Normalisation& normalisation) {
  if (data.size() == 0) return {};
  DeviceData part{.images = {}, .labels = Tensor::from_host(context, {data.size()}, data.labels),
                  .mean = Tensor::from_host(context, {data.channels}, normalisation.mean),
                  .deviation = Tensor::from_host(context, {data.channels}, normalisation.std)};
  part.files = data.files;
  if (!data.files) part.images = Tensor::from_host(context, {data.size(), data.height, data.width, data.channels}, data.images);
  return part;
}

Shape DeviceData::shape() const {
  return files ? Shape{files->size(), files->shape.height, files->shape.width, files->shape.channels} : images.shape();
}

bool fit_to(DeviceData& data, const NetDescription& net, const Augmentation& training) {
  if (data.size() == 0) return false;
  const Shape images = data.shape();
  PLIANT_REQUIRE(ConfigError, images[3] == net.channels, net.name, ": takes images of ", net.channels, " channels, the data has ", images[3]);
  data.height = net.height;
  data.width = net.width;
  const bool resized = images[1] != net.height || images[2] != net.width;
  data.centred = training.framing == Framing::random && resized && images[1] >= net.height && images[2] >= net.width;
  return resized;
}

namespace {

// gathered: `images` are those of the samples, one by one.
Batch augmented(const DeviceData& data, const Tensor& images, bool gathered, const Tensor& samples, const Tensor& key,
                const Augmentation& augmentation, DType dtype) {
  Context& context = data.labels.context();
  Shape shape = images.shape();
  shape.set(0, samples.size());
  Augmentation how = augmentation;
  if (data.centred && how.framing == Framing::shifted) how.framing = Framing::centre;
  if (how.framing != Framing::shifted && data.height != 0) {
    shape.set(1, data.height);
    shape.set(2, data.width);
  }
  Batch batch{Tensor(context, shape, dtype), Tensor(context, {samples.size()}, DType::i32), samples};
  const auto& augment = gathered ? kernels::augment_batch : kernels::augment;
  augment(images, samples, data.mean, data.deviation, key, how, batch.images);
  kernels::gather_labels(data.labels, samples, batch.labels);
  if (data.height != 0 && (data.height != shape[1] || data.width != shape[2])) {
    const Tensor stored = batch.images;
    batch.images = Tensor(context, {samples.size(), data.height, data.width, shape[3]}, dtype);
    kernels::bilinear_resize(stored, batch.images);
  }
  return batch;
}

}  // namespace

Batch make_batch(const DeviceData& data, const Tensor& samples, const Tensor& key, const Augmentation& augmentation, DType dtype) {
  if (!data.files) return augmented(data, data.images, false, samples, key, augmentation, dtype);
  const std::vector<std::int32_t> order = samples.to_host<std::int32_t>();
  BatchStream stream(data, order, samples.size(), 0, BatchStream::place_for(data, samples.size()));
  return augmented(data, stream.next(), true, samples, key, augmentation, dtype);
}

Batch make_batch(const DeviceData& data, const Tensor& images, const Tensor& samples, const Tensor& key, const Augmentation& augmentation,
                 DType dtype) {
  return augmented(data, images, true, samples, key, augmentation, dtype);
}

BatchStream::BatchStream(const DeviceData& data, std::span<const std::int32_t> order, std::int64_t batch, std::int64_t first, const Tensor& place)
    : stream_(data.files, {order.begin(), order.end()}, batch, first), place_(place) {}

Tensor BatchStream::next() {
  const std::span<const std::uint8_t> bytes = stream_.next();
  Tensor images = place_.rows(0, static_cast<std::int64_t>(bytes.size()) * place_.shape()[0] / place_.size());
  images.write(bytes.data());
  return images;
}

Tensor BatchStream::place_for(const DeviceData& data, std::int64_t batch) {
  Shape shape = data.shape();
  shape.set(0, batch);
  return Tensor(data.labels.context(), shape, DType::u8);
}

Tensor random_key(Context& context, std::uint64_t seed, std::uint32_t epoch) {
  return Tensor::from_host(context, {3}, std::vector<std::int32_t>{static_cast<std::int32_t>(seed), static_cast<std::int32_t>(seed >> 32),
                                                                    static_cast<std::int32_t>(epoch)});
}

}  // namespace pliant
