#include "tests/cuda_build/net_convolutions.h"

#include <set>
#include <string_view>

#include "nets/zoo.h"

namespace pliant::test {

using kernels::Conv2dSizes;
using kernels::gpu::ConvolutionDirection;

std::vector<NetConvolution> net_convolutions(const std::vector<std::string>& nets, int batch) {
  std::vector<NetConvolution> all;
  std::set<std::string> known;
  for (const std::string& net : nets) {
    for (const LayerCost& row : cost(build_net(default_description(net))).layers) {
      if (row.type != "conv2d") continue;
      const auto size = [](const Shape& shape, int i) { return static_cast<int>(shape[i]); };
      const Shape &x = row.input, &w = row.filter, &y = row.output;
      const Conv2dGeometry& g = row.geometry;
      const Conv2dSizes sizes{batch, size(x, 1), size(x, 2), size(x, 3), size(w, 0), size(w, 1), size(w, 2), size(y, 1), size(y, 2),
                              g.stride, g.padding, g.dilation, g.groups, size(w, 3), size(w, 0) / g.groups};
      if (known.insert(std::string(reinterpret_cast<const char*>(&sizes), sizeof sizes)).second) all.push_back({net + ": " + row.name, sizes});
    }
  }
  return all;
}

kernels::gpu::ConvolutionProblem problem_of(const Conv2dSizes& sizes, ConvolutionDirection direction, DType dtype, bool has_bias) {
  return {sizes, direction, static_cast<int>(dtype), has_bias, 0, 0, 0, 0, 16};
}

const std::vector<ConvolutionDirection>& all_directions() {
  static const std::vector<ConvolutionDirection> directions{ConvolutionDirection::forward, ConvolutionDirection::backward_data,
                                                            ConvolutionDirection::backward_filter};
  return directions;
}

}  // namespace pliant::test
