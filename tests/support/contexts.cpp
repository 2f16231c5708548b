#include "tests/support/contexts.h"

namespace pliant::test {

Context& cpu() {
  static Context context(Device::cpu);
  return context;
}

std::vector<NamedContext> gpu_contexts() {
  std::vector<NamedContext> contexts;
#if defined(PLIANT_WITH_CUDA)
  contexts.push_back({"cuda", std::make_unique<Context>(Device::cuda)});
#else
  const std::pair<const char*, gpu::ThreadOrder> orders[] = {{"emulated, forward order", gpu::ThreadOrder::forward},
                                                             {"emulated, reverse order", gpu::ThreadOrder::reverse},
                                                             {"emulated, shuffled order", gpu::ThreadOrder::shuffled}};
  for (const auto& [name, order] : orders) {
    ContextOptions options;
    options.order = order;
    options.order_seed = 7;
    contexts.push_back({name, std::make_unique<Context>(Device::emulated, options)});
  }
#endif
  return contexts;
}

}  // namespace pliant::test
