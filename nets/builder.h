// What every builder file uses: axes sized by the description, and the usual groups of layers.
#pragma once

#include <functional>
#include <map>
#include <string_view>

#include "layers/normed_conv2d.h"
#include "layers/exit_head.h"
#include "layers/linear.h"
#include "layers/residual.h"
#include "layers/simple.h"
#include "nets/net.h"

namespace pliant {

inline constexpr std::string_view kExitPrefix = "exit";  // what a further head adds to the net is named exit0.*, exit1.*, ...

struct StageOptions {
  bool group_end = false, elastic = false;                   // Stage has the same
  std::function<LayerPtr(const std::string& name)> branch{};  // makes the net's own side branch here, layers named name + "..."
};

// The size of a feature map while layers are written down. Throws ShapeError where nothing would be left of it.
struct MapSize {
  std::int64_t rows, columns;
  MapSize after(const Conv2dOptions& conv) const;
  MapSize after(const PoolGeometry& pool) const;
};

class NetBuilder {
 public:
  explicit NetBuilder(const NetDescription& description);

  const NetDescription& description() const { return net_.description; }
  ParameterStore& store() { return *net_.store; }

  // An axis with the builder's size, unless the description gives another; with a column of every row of the width table.
  ChannelAxis& axis(const std::string& name, std::int64_t size);
  // The channels of a stream that one reader takes (network slimming): all, unless the description keeps fewer; and the layer that
  // takes them, which costs nothing while it takes all.
  ChannelAxis& selection(const std::string& name, ChannelAxis& stream);
  LayerPtr select(const std::string& name, ChannelAxis& stream, ChannelAxis& selection);
  // Adds such a layer to `body`, named as its axis, which it returns; the second with batch norm NAME and ReLU before NAME.select.
  ChannelAxis& add_selection(Sequential& body, const std::string& name, ChannelAxis& stream);
  ChannelAxis& add_norm_and_selection(Sequential& body, const std::string& name, ChannelAxis& stream);
  // Output channel j is input channel whole[j], or zero where that is -1; counted before anything was removed, on full_size().
  LayerPtr channel_map(const std::string& name, ChannelAxis& in, ChannelAxis& out, const std::vector<std::int32_t>& whole);
  // A 3x3 convolution with padding 1 gets the shape that the description asks for (nets/kernel_shapes.h).
  std::unique_ptr<Conv2d> conv(const std::string& name, Dim in, ChannelAxis& out, const Conv2dOptions& options);
  // Adds a convolution and the batch norm NORM of what it writes, with f; or the one layer that both fold into.
  void add_conv_norm(Sequential& body, const std::string& name, Dim in, ChannelAxis& out, const Conv2dOptions& options, const std::string& norm,
                     Activation f);
  // Adds a convolution and the ReLU layer RELU, or both in one in a folded net.
  void add_conv_relu(Sequential& body, const std::string& name, Dim in, ChannelAxis& out, const Conv2dOptions& options, const std::string& relu);
  std::unique_ptr<BatchNorm> batch_norm(const std::string& name, ChannelAxis& axis, Activation f);
  // Numbers the blocks. The branch is null where next_block_removed() says so: then nothing of it is declared.
  LayerPtr residual(const std::string& name, LayerPtr branch, LayerPtr shortcut, Activation f = Activation::relu);
  bool next_block_removed() const;

  // A classifier over the map [rows, columns] of `in`: of its average, or of the flattened map where the description says so.
  LayerPtr classifier(const std::string& name, ChannelAxis& in, std::int64_t rows, std::int64_t columns);

  // Adds a stage whose output lies on `out`. If the description lists it, it gets a head: the branch of the net, or average
  // pooling and a linear layer "exit<i>.fc".
  void stage(LayerPtr body, ChannelAxis& out, const StageOptions& options = {});
  // Adds the last stage with its own head, checks that nothing in the description was left unused, and takes back what stands after
  // the description's last stage.
  Net finish(LayerPtr body, LayerPtr head);

 private:
  const std::vector<std::int32_t>* kept(const std::string& axis);
  void require_description_used() const;
  void end_early();

  Net net_;
  std::vector<std::string> axes_used_;
  std::size_t axis_count_ = 0;
  struct Count {
    std::size_t parameters;
    int blocks;
  };
  std::vector<Count> declared_;  // after each stage
  bool has_classifier_ = false, has_shapeable_ = false;
  std::map<std::string, KernelShape> graded_;  // of convolutions by name; empty unless the description says graded
};

// The builders, one file per family. Each takes every name of its family.
Net build_resnet(const NetDescription& description);  // resnet.cpp: 6n + 2 layers (He et al., 2016, section 4.2)
Net build_vgg(const NetDescription& description);     // vgg.cpp: VGG-16, -19 for small images (Simonyan and Zisserman, 2015)
Net build_large_vgg(const NetDescription& description);  // vgg_large.cpp: VGG-16 and -11 with three linear layers
Net build_lenet5(const NetDescription& description);  // lenet.cpp: LeNet-5 with ReLU and max pooling (after LeCun et al., 1998)
Net build_mlp(const NetDescription& description);     // mlp.cpp: 300 and 100 hidden units
Net build_resnet50(const NetDescription& description);         // resnet50.cpp: ResNet-34, -50, torchvision's form (He et al., 2016)
Net build_preresnet(const NetDescription& description);        // preresnet.cpp: 9n + 2 layers, bottlenecks (He et al., 2016b)
Net build_preresnet50(const NetDescription& description);      // preresnet50.cpp: ResNet-50 with pre-activation (Huang and Wang, 2018)
Net build_mobilenet(const NetDescription& description);        // mobilenet.cpp: version 1 (Howard et al., 2017)
Net build_densenet(const NetDescription& description);         // densenet.cpp: DenseNet-121, -169 (Huang et al., 2017)
Net build_small_densenet(const NetDescription& description);   // densenet_small.cpp: DenseNet-40, -BC-100 (the same)
Net build_branchy(const NetDescription& description);          // branchy.cpp: B-LeNet, B-AlexNet (Teerapittayanon et al., 2016)
Net build_branchy_resnet(const NetDescription& description);   // branchy_resnet.cpp: B-ResNet-110

// The stages where a BranchyNet has side branches of its own, first branch first, for branches "code" or "paper"; none for other nets.
std::vector<int> branch_stages(const std::string& name, const std::string& branches);

}  // namespace pliant
