// The matrix product of CUDA builds, by cuBLASLt: f32 factors in full precision or TF32, 16-bit factors with sums in f32. For each
// problem the first algorithm that its heuristics propose; the bias is added in the epilogue where c is f32, else by a kernel of ours
// behind. Where cuBLASLt has no algorithm, the hand-written kernel computes, after one warning per problem. Handle, algorithms and one
// workspace live in the Context, so that nothing is allocated inside a captured CUDA graph and results do not depend on what ran before.
#include "kernels/gpu/matrix_product_cublas.h"

#include <cublasLt.h>

#include <cstring>
#include <iostream>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "kernels/gpu/channel_bias.h"
#include "kernels/gpu/library_tensors.h"
#include "kernels/gpu/library_version.h"
#include "kernels/gpu/matrix_product_tiled.h"

namespace pliant::kernels::gpu {

namespace {

constexpr std::int64_t kWorkspaceBytes = 32 << 20;  // what NVIDIA recommends for Hopper, more than older devices need

void check(cublasStatus_t status, const char* call) {
  PLIANT_REQUIRE(DeviceError, status == CUBLAS_STATUS_SUCCESS, "cuBLASLt: ", call, " failed: ", cublasLtGetStatusString(status));
}

cudaDataType_t data_type(int dtype) {
  switch (static_cast<DType>(dtype)) {
    case DType::f32: return CUDA_R_32F;
    case DType::bf16: return CUDA_R_16BF;
    case DType::f16: return CUDA_R_16F;
    default: throw ShapeError(cat("matrix_product: the GPU computes in f32, bf16 or f16, got ", static_cast<DType>(dtype)));
  }
}

std::string describe(const ProductProblem& z) {
  return cat("product of ", z.m, " x ", z.l, z.transpose_a ? " (transposed)" : "", " and ", z.l, " x ", z.n,
             z.transpose_b ? " (transposed)" : "", " in ", static_cast<DType>(z.dtype), " to ", static_cast<DType>(z.result),
             z.has_bias ? " with a bias" : "", z.accumulate ? ", accumulating" : "");
}

// Owns one of cuBLASLt's descriptors.
template <class Raw, cublasStatus_t (*destroy)(Raw)>
class Owned {
 public:
  Owned() = default;
  ~Owned() {
    if (raw) destroy(raw);
  }
  Owned(Owned&& other) noexcept : raw(std::exchange(other.raw, nullptr)) {}
  Owned& operator=(Owned&& other) noexcept { return std::swap(raw, other.raw), *this; }

  Raw raw = nullptr;
};
using Layout = Owned<cublasLtMatrixLayout_t, cublasLtMatrixLayoutDestroy>;
using Operation = Owned<cublasLtMatmulDesc_t, cublasLtMatmulDescDestroy>;
using Preference = Owned<cublasLtMatmulPreference_t, cublasLtMatmulPreferenceDestroy>;

// A matrix of ours, [rows, columns] by rows, is columns x rows by columns, which is how cuBLASLt reads memory.
Layout layout(int dtype, std::int64_t rows, std::int64_t columns) {
  Layout result;
  check(cublasLtMatrixLayoutCreate(&result.raw, data_type(dtype), static_cast<std::uint64_t>(columns), static_cast<std::uint64_t>(rows),
                                   columns),
        "a matrix layout");
  return result;
}

template <class T>
void set(const Operation& operation, cublasLtMatmulDescAttributes_t attribute, const T& value) {
  check(cublasLtMatmulDescSetAttribute(operation.raw, attribute, &value, sizeof value), "an attribute of a product");
}
template <class T>
void set(const Preference& preference, cublasLtMatmulPreferenceAttributes_t attribute, const T& value) {
  check(cublasLtMatmulPreferenceSetAttribute(preference.raw, attribute, &value, sizeof value), "a preference");
}

// c^T = op(b)^T op(a)^T: seen by columns every matrix is transposed, so b comes first.
struct Product {
  Operation operation;
  Layout b, a, c;

  explicit Product(const ProductProblem& z)
      : b(z.transpose_b ? layout(z.dtype, z.n, z.l) : layout(z.dtype, z.l, z.n)),
        a(z.transpose_a ? layout(z.dtype, z.l, z.m) : layout(z.dtype, z.m, z.l)),
        c(layout(z.result, z.m, z.n)) {
    const bool tf32 = z.tf32 && static_cast<DType>(z.dtype) == DType::f32;
    check(cublasLtMatmulDescCreate(&operation.raw, tf32 ? CUBLAS_COMPUTE_32F_FAST_TF32 : CUBLAS_COMPUTE_32F, CUDA_R_32F), "a product");
    set(operation, CUBLASLT_MATMUL_DESC_TRANSA, z.transpose_b ? CUBLAS_OP_T : CUBLAS_OP_N);
    set(operation, CUBLASLT_MATMUL_DESC_TRANSB, z.transpose_a ? CUBLAS_OP_T : CUBLAS_OP_N);
    if (z.has_bias) {
      set(operation, CUBLASLT_MATMUL_DESC_EPILOGUE, CUBLASLT_EPILOGUE_BIAS);  // one value per row of c^T, which is a column of c
      set(operation, CUBLASLT_MATMUL_DESC_BIAS_DATA_TYPE, CUDA_R_32F);
      // Until there is an address, its alignment: the heuristics look at nothing else.
      set(operation, CUBLASLT_MATMUL_DESC_BIAS_POINTER, std::bit_cast<const void*>(static_cast<std::uintptr_t>(z.alignment)));
    }
  }
};

Preference preference_of(const ProductProblem& z) {
  Preference preference;
  check(cublasLtMatmulPreferenceCreate(&preference.raw), "preferences");
  set(preference, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, static_cast<std::uint64_t>(kWorkspaceBytes));
  // Partial sums stay f32 where c is not, and meet in a fixed order.
  set(preference, CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK, static_cast<std::uint32_t>(CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE));
  for (const auto attribute : {CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES,
                               CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES}) {
    set(preference, attribute, static_cast<std::uint32_t>(z.alignment));
  }
  return preference;
}

struct ProblemHash {
  std::size_t operator()(const ProductProblem& problem) const {
    return std::hash<std::string_view>{}({reinterpret_cast<const char*>(&problem), sizeof problem});
  }
};
struct SameBytes {
  bool operator()(const ProductProblem& a, const ProductProblem& b) const { return std::memcmp(&a, &b, sizeof a) == 0; }
};
static_assert(std::has_unique_object_representations_v<ProductProblem>);

struct ProductPlan {
  Product product;
  cublasLtMatmulAlgo_t algorithm;
};

class CublasLt : public Attachment {
 public:
  explicit CublasLt(Context& context) : context_(context), workspace_(context, {kWorkspaceBytes}, DType::u8) {
    require_same_major("cuBLASLt", cublaslt_versions());
    check(cublasLtCreate(&handle_), "cublasLtCreate");
  }
  ~CublasLt() override {
    plans_.clear();
    cublasLtDestroy(handle_);
  }
  CublasLt(const CublasLt&) = delete;
  CublasLt& operator=(const CublasLt&) = delete;

  // Null where cuBLASLt has no algorithm, after a warning.
  const ProductPlan* find(const ProductProblem& problem) {
    const auto known = plans_.find(problem);
    if (known != plans_.end()) return known->second ? &*known->second : nullptr;
    Product product(problem);
    const Preference preference = preference_of(problem);
    cublasLtMatmulHeuristicResult_t result{};
    int count = 0;
    const cublasStatus_t status =
        cublasLtMatmulAlgoGetHeuristic(handle_, product.operation.raw, product.b.raw, product.a.raw, product.c.raw, product.c.raw,
                                       preference.raw, 1, &result, &count);
    if (status != CUBLAS_STATUS_NOT_SUPPORTED) check(status, "the heuristics");
    const bool found = status == CUBLAS_STATUS_SUCCESS && count == 1 && result.state == CUBLAS_STATUS_SUCCESS;
    if (found && (context_.options().log_plans || context_.options().trace)) {
      std::clog << "plan: " << describe(problem) << ": cuBLASLt's first choice, workspace of " << result.workspaceSize << " bytes\n";
    }
    if (!found && !problem.has_bias) {  // with a bias the caller tries once more without
      std::clog << "warning: cuBLASLt has no algorithm for the " << describe(problem) << "; the hand-written kernel computes it\n";
      ++counters.fallbacks;
    }
    counters.plans += found ? 1 : 0;
    std::optional<ProductPlan> plan;
    if (found) plan.emplace(ProductPlan{std::move(product), result.algo});
    const auto& stored = plans_.emplace(problem, std::move(plan)).first->second;
    return stored ? &*stored : nullptr;
  }

  void run(const ProductPlan& plan, const void* a, const void* b, const void* bias, bool accumulate, void* c) {
    const float one = 1.0f, beta = accumulate ? 1.0f : 0.0f;
    if (bias) set(plan.product.operation, CUBLASLT_MATMUL_DESC_BIAS_POINTER, bias);
    check(cublasLtMatmul(handle_, plan.product.operation.raw, &one, b, plan.product.b.raw, a, plan.product.a.raw, &beta, c,
                         plan.product.c.raw, c, plan.product.c.raw, &plan.algorithm, workspace_.data<std::uint8_t>(),
                         static_cast<std::size_t>(kWorkspaceBytes), context_.stream()),
          "cublasLtMatmul");
  }

  ProductCounters counters;

 private:
  Context& context_;
  Tensor workspace_;
  cublasLtHandle_t handle_ = nullptr;
  std::unordered_map<ProductProblem, std::optional<ProductPlan>, ProblemHash, SameBytes> plans_;
};

}  // namespace

void cublaslt_describe(const ProductProblem& problem) {
  const Product product(problem);
  const Preference preference = preference_of(problem);
}

LibraryVersions cublaslt_versions() {
  LibraryVersion loaded{};
  check(cublasLtGetProperty(MAJOR_VERSION, &loaded.major), "reading the version");
  check(cublasLtGetProperty(MINOR_VERSION, &loaded.minor), "reading the version");
  check(cublasLtGetProperty(PATCH_LEVEL, &loaded.patch), "reading the version");
  return {loaded, {CUBLAS_VER_MAJOR, CUBLAS_VER_MINOR, CUBLAS_VER_PATCH}};
}

ProductCounters product_counters(Context& context) { return context.attachment<CublasLt>().counters; }

void matrix_product(const Tensor& a, const Tensor& b, const Tensor& bias, ProductOptions options, Tensor& c) {
  constexpr const char* kOp = "matrix_product";
  const ProductSizes z = check_matrix_product(a, b, bias, options, c);
  if (z.m == 0 || z.n == 0) return;
  if (z.l == 0) {
    if (!options.accumulate) c.zero();
    if (bias) add_channel_bias(bias, c);
    return;
  }
  CublasLt& library = c.context().attachment<CublasLt>();
  const void* const x = readable(kOp, a);
  const void* const y = readable(kOp, b);
  const void* const added = bias ? readable(kOp, bias) : nullptr;
  void* const out = writable(kOp, c);
  const auto size = [](std::int64_t value) { return static_cast<int>(value); };
  ProductProblem problem{size(z.m), size(z.n), size(z.l), options.transpose_a, options.transpose_b, options.accumulate,
                         static_cast<int>(a.dtype()), static_cast<int>(c.dtype()), bias && c.dtype() == DType::f32,
                         common_alignment({x, y, out, added}), c.context().options().tf32};
  const ProductPlan* plan = library.find(problem);
  if (!plan && problem.has_bias) {
    problem.has_bias = false;
    plan = library.find(problem);
  }
  if (!plan) return matrix_product_tiled(a, b, bias, options, c);
  library.run(*plan, x, y, problem.has_bias ? added : nullptr, options.accumulate, out);
  if (bias && !problem.has_bias) add_channel_bias(bias, c);
}

}  // namespace pliant::kernels::gpu
