#include "train/growth.h"

#include "core/memory_ops.h"
#include "kernels/elementwise.h"
#include "kernels/pack.h"

namespace pliant {

namespace {

// Adds `sign` to the part of `region` that a width uses.
void add_active(const Parameter& parameter, int width, double sign, Tensor& region) {
  Tensor ones(region.context(), parameter.active_shape(width), region.dtype());
  kernels::fill(ones, sign);
  kernels::unpack_accumulate(ones, parameter.active_indices(width), region);
}

bool is_private(const Parameter& parameter) { return parameter.role == Role::scale || parameter.role == Role::shift; }

}  // namespace

Growth::Growth(Net& net, int width) : net_(net), width_(width) {
  ParameterStore& store = *net.store;
  trains_ = Tensor::zeros_like(store.values());
  before_ = store.values().clone();
  for (const Parameter& parameter : store.parameters()) {
    if (!parameter.trainable()) continue;
    Tensor region = trains_.view(parameter.offset, parameter.shape());
    if (is_private(parameter)) {  // a set belongs to one width
      if (parameter.dims[0].width == width) kernels::fill(region, 1.0);
      continue;
    }
    add_active(parameter, width, 1.0, region);
    if (width + 1 < net.widths()) add_active(parameter, width + 1, -1.0, region);
  }
}

void Growth::hold() { kernels::choose(trains_, net_.store->values(), before_, net_.store->values()); }

}  // namespace pliant
