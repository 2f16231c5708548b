// The matrix product of CUDA builds, by cuBLAS in full f32 precision (no TF32). The handle and its workspace live in the Context, so
// that nothing is allocated inside a captured CUDA graph and results do not depend on what ran before.
#include <cublas_v2.h>

#include "kernels/gpu/channel_bias.h"
#include "kernels/matrix_product_checks.h"

namespace pliant::kernels::gpu {

namespace {

constexpr std::int64_t kWorkspaceBytes = 32 << 20;  // what NVIDIA recommends for Hopper, more than older devices need

void check(cublasStatus_t status, const char* call) {
  PLIANT_REQUIRE(DeviceError, status == CUBLAS_STATUS_SUCCESS, call, " failed: ", cublasGetStatusString(status));
}

class Cublas : public Attachment {
 public:
  explicit Cublas(Context& context) : workspace_(context, {kWorkspaceBytes}, DType::u8) {
    check(cublasCreate(&handle_), "cublasCreate");
    check(cublasSetStream(handle_, context.stream()), "cublasSetStream");  // forgets the workspace, so it comes first
    check(cublasSetWorkspace(handle_, workspace_.data<std::uint8_t>(), static_cast<std::size_t>(kWorkspaceBytes)),
          "cublasSetWorkspace");
    check(cublasSetMathMode(handle_, CUBLAS_DEFAULT_MATH), "cublasSetMathMode");
  }
  ~Cublas() override { cublasDestroy(handle_); }
  Cublas(const Cublas&) = delete;
  Cublas& operator=(const Cublas&) = delete;

  cublasHandle_t handle() const { return handle_; }

 private:
  Tensor workspace_;
  cublasHandle_t handle_ = nullptr;
};

}  // namespace

void matrix_product(const Tensor& a, const Tensor& b, const Tensor& bias, ProductOptions options, Tensor& c) {
  const ProductSizes z = check_matrix_product(a, b, bias, options, c);
  if (z.m == 0 || z.n == 0) return;
  if (z.l == 0) {
    if (!options.accumulate) c.zero();
  } else {
    const float one = 1.0f, beta = options.accumulate ? 1.0f : 0.0f;
    const auto operation = [](bool transpose) { return transpose ? CUBLAS_OP_T : CUBLAS_OP_N; };
    const auto size = [](std::int64_t value) { return static_cast<int>(value); };
    // cuBLAS reads matrices by columns and so sees every one of ours transposed: c^T = op(b)^T op(a)^T.
    check(cublasSgemm(c.context().attachment<Cublas>().handle(), operation(options.transpose_b), operation(options.transpose_a),
                      size(z.n), size(z.m), size(z.l), &one, b.data<float>(), size(b.shape()[1]), a.data<float>(),
                      size(a.shape()[1]), &beta, c.data<float>(), size(z.n)),
          "cublasSgemm");
  }
  if (bias) add_channel_bias(bias, c);
}

}  // namespace pliant::kernels::gpu
