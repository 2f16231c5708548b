// A classifier on top of a feature map: global average pool, dropout, linear. The last exit of a plain net is one of these.
#pragma once

#include "layers/layer.h"

namespace pliant {

struct ExitHeadOptions {
  std::string name;             // of the linear layer: "fc", "exit3.fc"
  int classes = 10;
  double dropout = 0.0;         // 0: no dropout layer
  int dropout_index = 0;
};

LayerPtr exit_head(ParameterStore& store, ChannelAxis& in, const ExitHeadOptions& options);

}  // namespace pliant
