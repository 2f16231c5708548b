#include "benchmarks/ladder/versions.h"

#include "benchmarks/ladder/checks.h"
#include "benchmarks/inputs.h"

namespace pliant::ladder {

namespace {

using bench::random_tensor;

double count(const Shape& shape) { return static_cast<double>(shape.size()); }

std::vector<Workload> sum_workloads(Sum* run) {
  std::vector<Workload> all;
  for (const std::int64_t size : {1 << 26, 1 << 20}) {
    all.push_back({cat("sum of ", size >> 20, " Mi values"), 4.0 * static_cast<double>(size), 0.0, [=](Context& context) {
                     return [=, x = random_tensor(context, {size}), y = Tensor::zeros(context, {1})]() mutable { run(x, 1.0, y); };
                   }});
  }
  return all;
}

// Memory beyond any cache, and a layer of ResNet-20 at batch 128.
std::vector<Workload> norm_workloads(BatchNorm* run) {
  std::vector<Workload> all;
  for (const Shape& shape : {Shape{1 << 20, 64}, Shape{128, 32, 32, 16}}) {
    all.push_back({cat("batch norm ", shape), 12.0 * count(shape), 0.0, [=](Context& context) {
                     const Tensor scale = random_tensor(context, {shape[-1]}, 0.5, 1.5);
                     return [=, x = random_tensor(context, shape), shift = Tensor::zeros_like(scale), mean = Tensor::like(scale),
                             inverse = Tensor::like(scale), running_mean = Tensor::zeros_like(scale), running_variance = scale.clone(),
                             y = Tensor(context, shape)]() mutable {
                       run(x, scale, shift, {}, Activation::relu, 0.1, 1e-5, running_mean, running_variance, mean, inverse, y);
                     };
                   }});
  }
  return all;
}

std::vector<Workload> product_workloads(Product* run) {
  std::vector<Workload> all;
  const std::int64_t sizes[][3] = {{4096, 4096, 4096}, {256, 1000, 512}};
  for (const auto& [m, n, l] : sizes) {
    all.push_back({cat("product ", m, " x ", n, " x ", l), 0.0, 2.0 * static_cast<double>(m * n * l),
                   [=, m = m, n = n, l = l](Context& context) {
                     return [=, a = random_tensor(context, {m, l}), b = random_tensor(context, {n, l}), c = Tensor(context, {m, n})]() mutable {
                       run(a, b, {}, {.transpose_b = true}, c);
                     };
                   }});
  }
  return all;
}

struct Layer {
  std::int64_t batch, size, c, k;
  Conv2dGeometry geometry;
};

Workload convolution_workload(Convolution* run, const Layer& one) {
  const Shape x{one.batch, one.size, one.size, one.c}, w{one.k, 3, 3, one.c / one.geometry.groups};
  const Shape y = conv2d_output_shape(x, w, one.geometry);
  Workload work{cat("3x3, ", one.c, " to ", one.k, " at ", one.size, "x", one.size, one.geometry.stride == 2 ? ", stride 2" : "", ", batch ", one.batch)};
  if (one.geometry.groups == 1) {
    work.flops = 2.0 * count(y) * 9.0 * static_cast<double>(one.c);
  } else {
    work.bytes = 4.0 * (count(x) + count(y));
  }
  work.make = [=, geometry = one.geometry](Context& context) {
    return [=, in = random_tensor(context, x), filters = random_tensor(context, w), out = Tensor(context, y)]() mutable {
      run(in, filters, {}, geometry, out);
    };
  };
  return work;
}

// A layer of ResNet-20, and two of VGG-16.
std::vector<Workload> dense_workloads(Convolution* run) {
  std::vector<Workload> all;
  for (const Layer& one : {Layer{128, 32, 16, 16, {1, 1, 1, 1}}, Layer{128, 32, 64, 64, {1, 1, 1, 1}}, Layer{128, 8, 256, 256, {1, 1, 1, 1}}}) {
    all.push_back(convolution_workload(run, one));
  }
  return all;
}

// Of MobileNet v1, the first two larger than a card's cache.
std::vector<Workload> depthwise_workloads(Convolution* run) {
  std::vector<Workload> all;
  for (const Layer& one : {Layer{512, 32, 64, 64, {1, 1, 1, 64}}, Layer{512, 32, 128, 128, {2, 1, 1, 128}}, Layer{512, 4, 512, 512, {1, 1, 1, 512}}}) {
    all.push_back(convolution_workload(run, one));
  }
  return all;
}

template <class Body>
void add(std::vector<Version>& all, const char* operation, std::vector<Step<Body>> steps, Body* own,
         std::vector<Comparison> (*check)(Body*, Context&), std::vector<Workload> (*workloads)(Body*)) {
  steps.push_back({"pliant", own});
  for (const Step<Body>& step : steps) {
    all.push_back({operation, step.name, [check, run = step.run](Context& context) { return check(run, context); }, workloads(step.run)});
  }
}

}  // namespace

std::vector<Version> versions() {
  std::vector<Version> all;
  add(all, "reduction", reduction_steps(), kernels::accumulate_sum.gpu, check_sum, sum_workloads);
  add(all, "batch_norm", batch_norm_steps(), kernels::batch_norm_train.gpu, check_batch_norm, norm_workloads);
  add(all, "matrix_product", product_steps(), kernels::matrix_product.gpu, check_product, product_workloads);
  add(all, "conv2d_direct", direct_steps(), kernels::conv2d_forward.gpu, check_convolution, dense_workloads);
  add(all, "conv2d_implicit_gemm", implicit_gemm_steps(), kernels::conv2d_forward.gpu, check_convolution, dense_workloads);
  add(all, "depthwise_conv2d", depthwise_steps(), kernels::depthwise_conv2d_forward.gpu, check_depthwise, depthwise_workloads);
  return all;
}

}  // namespace pliant::ladder
