#include "kernels/dropout.h"

#include "layers/functional.h"

namespace pliant {

Var dropout(const Var& x, const Tensor& key, const Tensor& samples, int layer, double p) {
  if (p == 0.0) return x;
  Tensor y = Tensor::like(x.value);
  kernels::dropout(x.value, key, samples, layer, p, y);
  return record("dropout", {&x}, y, [in = x.slot, key, samples, layer, p](const Tensor& dy, Gradients& grads) {
    Tensor dx = Tensor::like(dy);
    kernels::dropout(dy, key, samples, layer, p, dx);
    grads.add(in, std::move(dx));
  });
}

}  // namespace pliant
