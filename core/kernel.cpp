#include "core/kernel.h"

#include <cmath>
#include <iostream>

namespace pliant::detail {

void require_context(const char* kernel, const Context*& context, const Tensor& tensor) {
  if (!context) context = &tensor.context();
  PLIANT_REQUIRE(ShapeError, context == &tensor.context(), kernel, ": tensors of two contexts (", name_of(context->device()),
                 " and ", name_of(tensor.context().device()), "); copy one with Tensor::to");
}

void report_finite(const char* kernel, const Tensor& tensor) {
  if (tensor.dtype() == DType::i32 || tensor.dtype() == DType::u8) return;
  const std::vector<double> values = tensor.to_doubles();
  for (std::size_t i = 0; i < values.size(); ++i) {
    PLIANT_REQUIRE(Error, std::isfinite(values[i]), kernel, ": wrote ", values[i], " at element ", i, " of ", tensor);
  }
}

void trace_tensor(const char* kernel, const Tensor& tensor) { std::clog << kernel << ": " << tensor << '\n'; }

}  // namespace pliant::detail
