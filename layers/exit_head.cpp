#include "layers/exit_head.h"

#include "layers/linear.h"
#include "layers/simple.h"

namespace pliant {

LayerPtr exit_head(ParameterStore& store, ChannelAxis& in, const ExitHeadOptions& options) {
  auto head = std::make_unique<Sequential>(options.name);
  head->add(std::make_unique<GlobalAveragePool>(options.name + ".pool"));
  if (options.dropout > 0.0) head->add(std::make_unique<Dropout>(options.name + ".dropout", options.dropout_index, options.dropout));
  head->add(std::make_unique<Linear>(store, options.name, 1, 1, Dim(in), Dim(options.classes)));
  return head;
}

}  // namespace pliant
