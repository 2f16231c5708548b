#include "train/pruning/samples.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/rng.h"
#include "nets/compact.h"
#include "train/data/batches.h"

namespace pliant {

namespace {

enum : std::uint32_t { kLocations, kOutputs };  // what is drawn: the epoch of the random stream

std::int64_t image_count(const DeviceData& data, const SampleOptions& options) { return std::min(options.images, data.size()); }

std::int64_t map_size(const Shape& output) { return output[1] * output[2]; }

// `count` different numbers below `size`, the same for the same image (the first steps of Fisher and Yates).
std::vector<std::int64_t> draw_locations(std::uint64_t seed, std::int32_t image, std::int64_t size, std::int64_t count) {
  std::vector<std::int64_t> places(static_cast<std::size_t>(size));
  std::iota(places.begin(), places.end(), 0);
  const RandomStream stream(seed, Purpose::calibration, kLocations, static_cast<std::uint32_t>(image));
  for (std::int64_t i = 0; i < std::min(size, count); ++i) {
    const std::int64_t j = i + stream.below(static_cast<std::uint64_t>(i), static_cast<std::uint32_t>(size - i));
    std::swap(places[static_cast<std::size_t>(i)], places[static_cast<std::size_t>(j)]);
  }
  places.resize(static_cast<std::size_t>(std::min(size, count)));
  return places;
}

struct Input {  // of a layer, on the host
  Shape shape;  // [N, H, W, C]
  std::vector<double> values;
};

// What the output pixel (p, q) of image n reads, into a row of zeros.
void copy_patch(const Input& x, const ReadingLayer& layer, std::int64_t n, std::int64_t p, std::int64_t q, double* row) {
  const std::int64_t rows = layer.weight->dims[1].size, columns = layer.weight->dims[2].size, channels = layer.channels();
  const Conv2dGeometry& g = layer.geometry;
  for (std::int64_t r = 0; r < rows; ++r) {
    for (std::int64_t s = 0; s < columns; ++s) {
      const std::int64_t h = p * g.stride - g.padding + r * g.dilation, w = q * g.stride - g.padding + s * g.dilation;
      if (h < 0 || h >= x.shape[1] || w < 0 || w >= x.shape[2]) continue;
      const double* pixel = x.values.data() + ((n * x.shape[1] + h) * x.shape[2] + w) * channels;
      std::copy(pixel, pixel + channels, row + (r * columns + s) * channels);
    }
  }
}

// Fills the samples batch by batch while the net runs.
class Collector {
 public:
  Collector(const ReadingLayer& layer, const SampleOptions& options, std::int64_t count)
      : layer_(layer),
        options_(options),
        samples_{Matrix(count, layer.taps() * layer.channels()), Matrix(count, layer.outputs()),
                 Matrix(layer.block.empty() ? 0 : count, layer.outputs())} {}

  void begin_batch(std::vector<std::int32_t> images) {
    first_ += static_cast<std::int64_t>(images_.size()) * per_image();
    images_ = std::move(images);
  }
  void see(const std::string& name, const Tensor& x, const Tensor& y) {
    if (name == layer_.name) {
      add_patches(x);
      add_pixels(y, samples_.outputs);
    } else if (!layer_.block.empty() && name == layer_.block) {
      add_pixels(x, samples_.shortcuts);
    }
  }
  LayerSamples take() {
    for (const Matrix* matrix : {&samples_.patches, &samples_.outputs, &samples_.shortcuts}) {
      for (const double value : matrix->values) {
        PLIANT_REQUIRE(DataError, std::isfinite(value), layer_.name, ": the calibration images give the value ", value);
      }
    }
    return std::move(samples_);
  }

 private:
  std::int64_t per_image() const { return std::min(options_.locations, map_size(layer_.output)); }

  // place(row, n, p, q) for every drawn place of the batch
  template <class F>
  void each_place(const F& place) const {
    std::int64_t row = first_;
    for (std::size_t n = 0; n < images_.size(); ++n) {
      for (const std::int64_t at : draw_locations(options_.seed, images_[n], map_size(layer_.output), options_.locations)) {
        place(row++, static_cast<std::int64_t>(n), at / layer_.output[2], at % layer_.output[2]);
      }
    }
  }
  void add_patches(const Tensor& x) {
    Input input{x.shape(), x.to_doubles()};
    if (layer_.weight->role == Role::weight) {
      input.shape = {x.shape()[0], layer_.weight->dims[1].size, layer_.weight->dims[2].size, layer_.channels()};
    }
    each_place([&](std::int64_t row, std::int64_t n, std::int64_t p, std::int64_t q) {
      copy_patch(input, layer_, n, p, q, &samples_.patches(row, 0));
    });
  }
  void add_pixels(const Tensor& y, Matrix& rows) const {
    const std::vector<double> values = y.to_doubles();
    const std::int64_t columns = rows.columns;
    each_place([&](std::int64_t row, std::int64_t n, std::int64_t p, std::int64_t q) {
      const double* pixel = values.data() + ((n * layer_.output[1] + p) * layer_.output[2] + q) * columns;
      std::copy(pixel, pixel + columns, &rows(row, 0));
    });
  }

  const ReadingLayer& layer_;
  SampleOptions options_;
  LayerSamples samples_;
  std::vector<std::int32_t> images_;
  std::int64_t first_ = 0;
};

void write_doubles(const std::vector<double>& values, Tensor& tensor) {
  Context& context = tensor.context();
  tensor.copy_from(tensor.dtype() == DType::f64 ? Tensor::from_host(context, tensor.shape(), values)
                                                : Tensor::from_host(context, tensor.shape(), std::vector<float>(values.begin(), values.end())));
}

}  // namespace

void require_calibration(const Net& net, const DeviceData& data, const SampleOptions& options) {
  PLIANT_REQUIRE(ConfigError, options.images >= 1 && options.locations >= 1 && options.batch >= 1, "calibration needs at least 1 image, 1 location "
                 "and batches of 1, got ", options.images, ", ", options.locations, " and ", options.batch);
  PLIANT_REQUIRE(DataError, data.size() > 0, "calibration: there are no images");
  const NetDescription& d = net.description;
  const Shape images = data.shape();
  const std::int64_t height = data.height ? data.height : images[1], width = data.width ? data.width : images[2];
  PLIANT_REQUIRE(ConfigError, height == d.height && width == d.width && images[3] == d.channels, "calibration images are ", height, " x ", width, " x ",
                 images[3], ", ", d.name, " takes ", d.height, " x ", d.width, " x ", d.channels);
}

std::int64_t sample_count(const ReadingLayer& layer, const DeviceData& data, const SampleOptions& options) {
  return image_count(data, options) * std::min(options.locations, map_size(layer.output));
}

LayerSamples sample_layer(const Net& net, const ReadingLayer& layer, const DeviceData& data, const SampleOptions& options) {
  Context& context = net.store->context();
  const EpochOrder order(data.size(), options.batch, options.seed, 0);
  const std::int64_t count = image_count(data, options);
  const std::vector<std::int32_t> drawn(order.indices().begin(), order.indices().begin() + count);
  const Tensor images = Tensor::from_host(context, {count}, drawn), key = random_key(context, options.seed, 0);
  Collector collector(layer, options, sample_count(layer, data, options));
  const PassObserver observer = [&](const std::string& name, const Tensor& x, const Tensor& y) { collector.see(name, x, y); };
  for (std::int64_t first = 0; first < count; first += options.batch) {
    const std::int64_t size = std::min(options.batch, count - first);
    collector.begin_batch({drawn.begin() + first, drawn.begin() + first + size});
    Pass pass{.context = context, .observer = &observer};
    forward(net, pass, Var{make_batch(data, images.rows(first, size), key, {}, net.store->compute_dtype()).images});
  }
  return collector.take();
}

Matrix filter_matrix(const Parameter& weight) {
  const std::vector<double> values = weight.value.to_doubles();
  Matrix filter(weight.shape().size() / weight.dims[0].size, weight.dims[0].size);
  for (std::int64_t k = 0; k < filter.columns; ++k) {
    for (std::int64_t f = 0; f < filter.rows; ++f) filter(f, k) = values[static_cast<std::size_t>(k * filter.rows + f)];
  }
  return filter;
}

void write_filter(const Matrix& filter, Parameter& weight) {
  std::vector<double> values(filter.values.size());
  for (std::int64_t k = 0; k < filter.columns; ++k) {
    for (std::int64_t f = 0; f < filter.rows; ++f) values[static_cast<std::size_t>(k * filter.rows + f)] = filter(f, k);
  }
  write_doubles(values, weight.value);
}

std::vector<double> vector_of(const Parameter* parameter, std::int64_t count) {
  return parameter ? parameter->value.to_doubles() : std::vector<double>(static_cast<std::size_t>(count));
}

void write_vector(const std::vector<double>& values, Parameter& parameter) { write_doubles(values, parameter.value); }

Contributions contributions_of(const LayerSamples& samples, const ReadingLayer& layer, std::uint64_t seed) {
  const std::int64_t count = samples.patches.rows, channels = layer.channels();
  const Matrix filter = filter_matrix(*layer.weight);
  const std::vector<double> bias = vector_of(layer.bias, layer.outputs());
  std::vector<std::int32_t> outputs(static_cast<std::size_t>(layer.outputs()));
  std::iota(outputs.begin(), outputs.end(), 0);
  if (const ChannelAxis* axis = layer.weight->dims[0].axis) outputs = kept_channels(*axis);
  const RandomStream stream(seed, Purpose::calibration, kOutputs, 0);
  Contributions result{Matrix(count, channels), Matrix(count, 1)};
  for (std::int64_t i = 0; i < count; ++i) {
    const std::int32_t k = outputs[stream.below(static_cast<std::uint64_t>(i), static_cast<std::uint32_t>(outputs.size()))];
    for (std::int64_t f = 0; f < filter.rows; ++f) result.values(i, f % channels) += filter(f, k) * samples.patches(i, f);
    result.totals(i, 0) = samples.outputs(i, k) - bias[static_cast<std::size_t>(k)];
  }
  return result;
}

}  // namespace pliant
