// A small built-in data set on the device, the size of tiny_resnet()'s input.
#pragma once

#include "train/device_data.h"

namespace pliant::test {

inline DeviceData small_images(Context& context, std::int64_t count = 40) {
  DataOptions options;
  options.source = "synthetic";
  options.validation = 0;
  options.synthetic = {.train = count, .test = 10, .height = 8, .width = 8, .channels = 3, .classes = 3};
  const Splits splits = load_data(options);
  return to_device(context, splits.train, splits.normalisation);
}

}  // namespace pliant::test
