// The ways to run GPU bodies here, for checks of every backend.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/context.h"

namespace pliant {

struct NamedContext {
  std::string name;  // "emulated, reverse order"
  std::unique_ptr<Context> context;
};

// The emulator in its three thread orders, or in a build for CUDA the device; throws DeviceError where that cannot be used.
std::vector<NamedContext> gpu_contexts();

// "cpu", "cuda", "emulated, reverse order".
std::string place_of(const Context& context);

}  // namespace pliant
