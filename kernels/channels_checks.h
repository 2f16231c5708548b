// What the operations of channels.h require of their arguments, for every backend. Values of indices lie in device
// memory: the CPU checks them, kernels trust them.
#pragma once

#include "kernels/tensor_checks.h"

namespace pliant::kernels {

// wide [..., C] has the channels that index [K] names, narrow [..., K] the chosen ones.
inline void check_gather(const char* op, const Tensor& wide, const Tensor& index, const Tensor& narrow) {
  require_storage(op, "x", wide);
  require_rank(op, "index", index, 1);
  require_tensor(op, "index", index, {index.size()}, DType::i32);
  PLIANT_REQUIRE(ShapeError, narrow && narrow.dtype() == wide.dtype() && same_rows(wide.shape(), narrow.shape()), op,
                 ": ", wide, " and ", narrow, " must differ in the last dimension alone");
  PLIANT_REQUIRE(ShapeError, narrow.shape()[-1] == index.size(), op, ": ", index.size(), " indices for ",
                 narrow.shape()[-1], " channels of ", narrow);
}

inline void check_mask(const Tensor& x, const Tensor& mask, const Tensor& y) {
  require_storage("mask_channels", "x", x);
  require_same("mask_channels", x, y);
  PLIANT_REQUIRE(ShapeError, x.shape().rank() > 0, "mask_channels: x has no channels, its shape is ", x.shape());
  require_tensor("mask_channels", "mask", mask, {x.shape()[-1]}, accumulation_dtype(x.dtype()));
}

inline void check_parts(const char* op, const std::vector<Tensor>& parts, const Tensor& whole) {
  require_storage(op, "y", whole);
  PLIANT_REQUIRE(ShapeError, !parts.empty(), op, ": no parts");
  std::int64_t channels = 0;
  for (const Tensor& part : parts) {
    PLIANT_REQUIRE(ShapeError, part && part.dtype() == whole.dtype() && same_rows(part.shape(), whole.shape()), op,
                   ": part ", part, " and the whole ", whole, " must differ in the last dimension alone");
    channels += part.shape()[-1];
  }
  PLIANT_REQUIRE(ShapeError, channels == whole.shape()[-1], op, ": the parts have ", channels,
                 " channels together, the whole ", whole.shape()[-1]);
}

inline void check_channel_sum(const Tensor& x, const Tensor& sums) {
  require_storage("channel_sum", "x", x);
  PLIANT_REQUIRE(ShapeError, x.shape().rank() > 0, "channel_sum: x has no channels, its shape is ", x.shape());
  require_tensor("channel_sum", "sums", sums, {x.shape()[-1]}, accumulation_dtype(x.dtype()));
}

}  // namespace pliant::kernels
