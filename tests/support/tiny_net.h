// Small nets with every property, for equivalence tests.
#pragma once

#include "nets/zoo.h"

namespace pliant::test {

// ResNet-20 on 8 x 8 images, narrowed to 4, 6 and 8 channels so that a pass in double takes milliseconds.
NetDescription tiny_resnet();

// Allocated on the context (bf16 and f16: what it computes in, beside f32 masters), initialised by seed,
// with batch-norm statistics and shifts that are not at their defaults.
Net make_net(Context& context, const NetDescription& description, DType dtype, unsigned seed = 1);
Net with_values(Context& context, Net net, DType dtype, unsigned seed = 1);  // the same for a net that was built already

// A row of the width table with this share of every axis, at least one channel.
std::vector<std::int64_t> share_of_axes(const Net& net, double share);

// Copies values and buffers of the parameters that both nets have; those of `to` take the leading part in every dimension.
void copy_leading(const Net& from, Net& to);

// Everything that training changes: logits of each exit, gradients arena and buffers after one training pass.
struct StepOutcome {
  std::vector<Tensor> logits;
  Tensor gradients, buffers;
};
StepOutcome train_pass(Net& net, const Selection& select = {}, unsigned seed = 5);
std::vector<Tensor> eval_pass(const Net& net, const Selection& select = {}, unsigned seed = 5);

}  // namespace pliant::test
