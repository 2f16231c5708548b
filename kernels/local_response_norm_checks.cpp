#include "kernels/local_response_norm_formulas.h"
#include "kernels/tensor_checks.h"

namespace pliant::kernels {

ResponseSizes check_response(const char* op, const Tensor& x, const LocalResponseNorm& options,
                             std::initializer_list<const Tensor*> like_x, const Tensor& b) {
  require_storage(op, "x", x);
  PLIANT_REQUIRE(ShapeError, x.shape().rank() >= 1 && x.shape()[-1] >= 1, op, ": x ", x.shape(), " has no channels");
  PLIANT_REQUIRE(ConfigError, options.size >= 1 && options.size % 2 == 1, op, ": size must be odd and at least 1, got ",
                 options.size);
  PLIANT_REQUIRE(ConfigError, options.k > 0.0 && options.alpha >= 0.0, op, ": needs k > 0 and alpha >= 0, got ",
                 options.k, " and ", options.alpha);
  for (const Tensor* tensor : like_x) require_same(op, x, *tensor);
  require_tensor(op, "b", b, x.shape(), accumulation_dtype(x.dtype()));
  return {x.size() / x.shape()[-1], x.shape()[-1], options.size / 2};
}

}  // namespace pliant::kernels
