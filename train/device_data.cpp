#include "train/device_data.h"

#include "kernels/resize.h"

namespace pliant {

DeviceData to_device(Context& context, const Dataset& data, const Normalisation& normalisation) {
  if (data.size() == 0) return {};
  return {Tensor::from_host(context, {data.size(), data.height, data.width, data.channels}, data.images),
          Tensor::from_host(context, {data.size()}, data.labels), Tensor::from_host(context, {data.channels}, normalisation.mean),
          Tensor::from_host(context, {data.channels}, normalisation.std)};
}

bool fit_to(DeviceData& data, const NetDescription& net) {
  if (data.size() == 0) return false;
  const Shape& images = data.images.shape();
  PLIANT_REQUIRE(ConfigError, images[3] == net.channels, net.name, ": takes images of ", net.channels, " channels, the data has ", images[3]);
  data.height = net.height;
  data.width = net.width;
  return images[1] != net.height || images[2] != net.width;
}

Batch make_batch(const DeviceData& data, const Tensor& samples, const Tensor& key, const Augmentation& augmentation, DType dtype) {
  Context& context = data.images.context();
  Shape shape = data.images.shape();
  shape.set(0, samples.size());
  Batch batch{Tensor(context, shape, dtype), Tensor(context, {samples.size()}, DType::i32), samples};
  kernels::augment(data.images, samples, data.mean, data.deviation, key, augmentation, batch.images);
  kernels::gather_labels(data.labels, samples, batch.labels);
  if (data.height != 0 && (data.height != shape[1] || data.width != shape[2])) {
    const Tensor stored = batch.images;
    batch.images = Tensor(context, {samples.size(), data.height, data.width, shape[3]}, dtype);
    kernels::bilinear_resize(stored, batch.images);
  }
  return batch;
}

Tensor random_key(Context& context, std::uint64_t seed, std::uint32_t epoch) {
  return Tensor::from_host(context, {3}, std::vector<std::int32_t>{static_cast<std::int32_t>(seed), static_cast<std::int32_t>(seed >> 32),
                                                                    static_cast<std::int32_t>(epoch)});
}

}  // namespace pliant
