// The devices that tests run on.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/context.h"

namespace pliant::test {

struct NamedContext {
  std::string name;  // "emulated, reverse order"
  std::unique_ptr<Context> context;
};

Context& cpu();                            // shared by the tests of one process
// Every way to run the GPU bodies here: the emulator in its three thread orders, or the CUDA device.
std::vector<NamedContext> gpu_contexts();

}  // namespace pliant::test
