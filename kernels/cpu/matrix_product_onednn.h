// The f32 matrix product of oneDNN. Only in builds with oneDNN (PLIANT_WITH_ONEDNN).
#pragma once

#include "kernels/matrix_product_checks.h"

namespace pliant::kernels::cpu {

template <class T>
struct Rows {  // a matrix whose rows begin `stride` values apart
  T* data;
  std::int64_t stride;
};

// c = op(a) op(b), or c + op(a) op(b) where `add`. DeviceError where oneDNN fails.
void matrix_product_onednn(const float* a, const float* b, const ProductSizes& sizes, ProductOptions options, bool add, float* c);
void matrix_product_onednn(Rows<const float> a, Rows<const float> b, const ProductSizes& sizes, ProductOptions options, bool add, Rows<float> c);

}  // namespace pliant::kernels::cpu
