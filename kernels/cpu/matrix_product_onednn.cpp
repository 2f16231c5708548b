#include "kernels/cpu/matrix_product_onednn.h"

#include <algorithm>
#include <dnnl.h>

namespace pliant::kernels::cpu {

void matrix_product_onednn(const float* a, const float* b, const ProductSizes& sizes, ProductOptions options, bool add, float* c) {
  matrix_product_onednn(Rows<const float>{a, options.transpose_a ? sizes.m : sizes.l}, {b, options.transpose_b ? sizes.l : sizes.n}, sizes,
                        options, add, {c, sizes.n});
}

void matrix_product_onednn(Rows<const float> a, Rows<const float> b, const ProductSizes& sizes, ProductOptions options, bool add, Rows<float> c) {
  const dnnl_status_t status = dnnl_sgemm(options.transpose_a ? 'T' : 'N', options.transpose_b ? 'T' : 'N', sizes.m, sizes.n,
                                          sizes.l, 1.0f, a.data, a.stride, b.data, b.stride, add ? 1.0f : 0.0f, c.data, c.stride);
  PLIANT_REQUIRE(DeviceError, status == dnnl_success, "oneDNN cannot multiply [", sizes.m, ", ", sizes.l, "] by [", sizes.l, ", ",
                 sizes.n, "]: status ", static_cast<int>(status));
}

}  // namespace pliant::kernels::cpu
