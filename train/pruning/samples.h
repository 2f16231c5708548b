// Values of one layer on calibration images: the patches it reads at random places and what it makes of them. Everything drawn depends on
// the seed and on the image's number alone, so that two nets are sampled at the same places.
#pragma once

#include "train/device_data.h"
#include "train/pruning/least_squares.h"
#include "train/pruning/reading_layer.h"

namespace pliant {

struct SampleOptions {
  std::int64_t images = 1000;   // drawn without replacement; all where there are fewer
  std::int64_t locations = 10;  // of the output map, per image, drawn without replacement; the whole map where it is smaller
  std::int64_t batch = 64;
  std::uint64_t seed = 1;
};

// DataError where there are no images, ConfigError where they are not of the size that the net takes or an option is below 1.
void require_calibration(const Net& net, const DeviceData& data, const SampleOptions& options);

// Rows that sample_layer() gives.
std::int64_t sample_count(const ReadingLayer& layer, const DeviceData& data, const SampleOptions& options);

struct LayerSamples {
  Matrix patches;    // [N, R S C]: what each output pixel reads, channel fastest as in the filter; padding is 0
  Matrix outputs;    // [N, K]: what the layer computes there, bias included, before masks, batch norm and activation
  Matrix shortcuts;  // [N, K]: of a layer that ends a residual branch, what the shortcut carries there; else no rows
};

// Runs the net in eval mode on the drawn images. DataError where the layer meets a value that is not finite.
LayerSamples sample_layer(const Net& net, const ReadingLayer& layer, const DeviceData& data, const SampleOptions& options);

// The weight {K, R, S, C} as [R S C, K], so that patches * filter_matrix + bias = outputs; and back.
Matrix filter_matrix(const Parameter& weight);
void write_filter(const Matrix& filter, Parameter& weight);
// A vector parameter {K}; `count` zeros where there is none; and back.
std::vector<double> vector_of(const Parameter* parameter, std::int64_t count);
void write_vector(const std::vector<double>& values, Parameter& parameter);

struct Contributions {
  Matrix values;  // [N, C]: xhat of Luo et al. (2017), eq. 4, of one random output channel per row
  Matrix totals;  // [N, 1]: yhat = y - bias, to which a row sums up
};
// Output channels that a mask has removed are not drawn.
Contributions contributions_of(const LayerSamples& samples, const ReadingLayer& layer, std::uint64_t seed);

}  // namespace pliant
