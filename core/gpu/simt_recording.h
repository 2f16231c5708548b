// What an emulated device recorded while a graph was captured: calls in order, each with a copy of its arguments. Owned by a Graph.
#pragma once

#include <functional>
#include <vector>

namespace pliant::gpu::simt {

class Device;

struct Recording {
  std::vector<std::function<void(Device&)>> calls;
};

}  // namespace pliant::gpu::simt
