// Mean magnitudes of gradients over an epoch, one figure for every filter and weight of a net, summed on the device.
#pragma once

#include <string>
#include <vector>

#include "core/parameter.h"

namespace pliant {

class GradientLog {
 public:
  // The store must be allocated and outlive this.
  explicit GradientLog(ParameterStore& store, double loss_scale = 1.0);  // gradients are loss_scale times what they stand for

  const std::vector<std::string>& layers() const { return layers_; }  // names without ".weight", in order of declaration
  void add();                                                         // the gradients of one step
  std::vector<double> means(std::int64_t steps) const;                // mean |g| per element and step; 0 where there was no step
  std::vector<double> sums() const;
  const Tensor& sums_on_device() const { return sums_; }
  void set_sums(const std::vector<double>& sums);                     // FileError where their number differs

 private:
  ParameterStore& store_;
  double loss_scale_;
  std::vector<std::string> layers_;
  std::vector<std::size_t> segments_;
  std::vector<double> sizes_;
  Tensor starts_, sums_;
};

}  // namespace pliant
