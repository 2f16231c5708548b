#include "layers/op_cases/contexts.h"

#include "core/check.h"

namespace pliant {

std::string place_of(const Context& context) {
  if (context.device() != Device::emulated) return name_of(context.device());
  switch (context.options().order) {
    case gpu::ThreadOrder::forward: return "emulated, forward order";
    case gpu::ThreadOrder::reverse: return "emulated, reverse order";
    case gpu::ThreadOrder::shuffled: return "emulated, shuffled order";
  }
  return "?";
}

std::vector<NamedContext> gpu_contexts() {
  std::vector<NamedContext> contexts;
#if defined(PLIANT_WITH_CUDA)
  contexts.push_back({"cuda", std::make_unique<Context>(Device::cuda)});
#else
  for (const gpu::ThreadOrder order : {gpu::ThreadOrder::forward, gpu::ThreadOrder::reverse, gpu::ThreadOrder::shuffled}) {
    ContextOptions options;
    options.order = order;
    options.order_seed = 7;
    auto context = std::make_unique<Context>(Device::emulated, options);
    contexts.push_back({place_of(*context), std::move(context)});
  }
#endif
  return contexts;
}

}  // namespace pliant
