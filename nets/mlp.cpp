// A multilayer perceptron with 300 and 100 hidden units and ReLU (LeCun et al., 1998, called LeNet-300-100).
#include "nets/builder.h"

namespace pliant {

Net build_mlp(const NetDescription& d) {
  NetBuilder build(d);
  ChannelAxis &hidden1 = build.axis("fc1", 300), &hidden2 = build.axis("fc2", 100);
  auto body = std::make_unique<Sequential>("hidden");
  body->add(std::make_unique<Linear>(build.store(), "fc1", d.height, d.width, Dim(d.channels), Dim(hidden1)));
  body->add(std::make_unique<ActivationLayer>("relu1", Activation::relu));
  body->add(std::make_unique<Linear>(build.store(), "fc2", 1, 1, Dim(hidden1), Dim(hidden2)));
  body->add(std::make_unique<ActivationLayer>("relu2", Activation::relu));
  return build.finish(std::move(body), std::make_unique<Linear>(build.store(), "fc3", 1, 1, Dim(hidden2), Dim(d.classes)));
}

}  // namespace pliant
