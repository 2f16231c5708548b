#include "kernels/drop_path.h"

#include "layers/functional.h"

namespace pliant {

Var drop_path(const Var& x, const Tensor& key, const Tensor& samples, int block, double survival, double factor) {
  Tensor y = Tensor::like(x.value);
  kernels::drop_rows(x.value, key, samples, block, survival, factor, y);
  return record("drop_path", {&x}, y, [in = x.slot, key, samples, block, survival, factor](const Tensor& dy, Gradients& grads) {
    Tensor dx = Tensor::like(dy);
    kernels::drop_rows(dy, key, samples, block, survival, factor, dx);
    grads.add(in, std::move(dx));
  });
}

}  // namespace pliant
