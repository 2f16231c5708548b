#include "train/device_data.h"

namespace pliant {

DeviceData to_device(Context& context, const Dataset& data, const Normalisation& normalisation) {
  if (data.size() == 0) return {};
  return {Tensor::from_host(context, {data.size(), data.height, data.width, data.channels}, data.images),
          Tensor::from_host(context, {data.size()}, data.labels), Tensor::from_host(context, {data.channels}, normalisation.mean),
          Tensor::from_host(context, {data.channels}, normalisation.std)};
}

Batch make_batch(const DeviceData& data, const Tensor& samples, const Tensor& key, const Augmentation& augmentation, DType dtype) {
  Context& context = data.images.context();
  Shape shape = data.images.shape();
  shape.set(0, samples.size());
  Batch batch{Tensor(context, shape, dtype), Tensor(context, {samples.size()}, DType::i32), samples};
  kernels::augment(data.images, samples, data.mean, data.deviation, key, augmentation, batch.images);
  kernels::gather_labels(data.labels, samples, batch.labels);
  return batch;
}

Tensor random_key(Context& context, std::uint64_t seed, std::uint32_t epoch) {
  return Tensor::from_host(context, {3}, std::vector<std::int32_t>{static_cast<std::int32_t>(seed), static_cast<std::int32_t>(seed >> 32),
                                                                    static_cast<std::int32_t>(epoch)});
}

}  // namespace pliant
