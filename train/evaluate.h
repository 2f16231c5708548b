// Loss and accuracy of a net on one part of a data set, in eval mode, for every exit that a selection asks for.
#pragma once

#include <functional>
#include <optional>

#include "nets/net.h"
#include "train/device_data.h"

namespace pliant {

struct Figures {
  double loss = 0.0;      // mean cross-entropy per sample
  double accuracy = 0.0;  // 0..1
  std::optional<double> top5{};  // the same of labels among the five largest logits; of nets with more than five classes
};

struct Evaluation {
  std::vector<Figures> exits;  // first exit first; a plain net has one
  std::int64_t samples = 0;
  double seconds = 0.0;        // wall clock of the whole pass, gathering included
  const Figures& last() const { return exits.back(); }
  double images_per_second() const { return seconds > 0.0 ? static_cast<double>(samples) / seconds : 0.0; }
};

// Visits all samples in order, not augmented, in batches of the net's dtype. Throws DataError where there is no sample.
void each_batch(const Net& net, const DeviceData& data, std::int64_t batch_size, const std::function<void(const Batch&)>& visit);

// Throws DataError where there is no sample.
Evaluation evaluate(const Net& net, const DeviceData& data, std::int64_t batch_size, const Selection& select = {});

}  // namespace pliant
