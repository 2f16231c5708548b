// What every builder file uses: axes sized by the description, and the usual groups of layers.
#pragma once

#include "layers/batch_norm.h"
#include "layers/conv2d.h"
#include "layers/exit_head.h"
#include "layers/linear.h"
#include "layers/residual.h"
#include "layers/simple.h"
#include "nets/net.h"

namespace pliant {

class NetBuilder {
 public:
  explicit NetBuilder(const NetDescription& description);

  const NetDescription& description() const { return net_.description; }
  ParameterStore& store() { return *net_.store; }

  // An axis with the builder's size, unless the description gives another; with a column of every row of the width table.
  ChannelAxis& axis(const std::string& name, std::int64_t size);
  LayerPtr conv(const std::string& name, Dim in, ChannelAxis& out, const Conv2dOptions& options);
  LayerPtr batch_norm(const std::string& name, ChannelAxis& axis, Activation f);
  LayerPtr residual(const std::string& name, LayerPtr branch, LayerPtr shortcut);  // numbers the blocks

  // Adds a stage whose output lies on `out`; it gets a head named "exit<i>.fc" if the description lists it.
  void stage(LayerPtr body, ChannelAxis& out);
  // Adds the last stage with its own head and checks that nothing in the description was left unused.
  Net finish(LayerPtr body, LayerPtr head);

 private:
  Net net_;
  std::vector<std::string> axes_used_;
  std::size_t axis_count_ = 0;
};

// The builders, one file per family. Each takes every name of its family.
Net build_resnet(const NetDescription& description);  // resnet.cpp: 6n + 2 layers (He et al., 2016, section 4.2)
Net build_vgg(const NetDescription& description);     // vgg.cpp: VGG-16, -19 with BN, one linear layer (Simonyan and Zisserman, 2015)
Net build_lenet5(const NetDescription& description);  // lenet.cpp: LeNet-5 with ReLU and max pooling (after LeCun et al., 1998)
Net build_mlp(const NetDescription& description);     // mlp.cpp: 300 and 100 hidden units

}  // namespace pliant
