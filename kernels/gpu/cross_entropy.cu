// Softmax and cross-entropy, one warp per row of C logits, four rows a block; the row is read three times, mostly from
// the caches. -ln p[c] = ln sum - (z[c] - max), so nothing is lost or overflows where logits are large. Bytes: forward
// 8 N C, backward 8 N C (12 N C and 12 N C with target distributions). Sums in a fixed order, deterministic.
#include "kernels/cross_entropy.h"

#include "core/gpu/launch.h"
#include "kernels/cross_entropy_checks.h"
#include "kernels/gpu/warp.cuh"

namespace pliant::kernels::gpu {

namespace {

constexpr unsigned kWarps = 4;

// What a row is compared with; null where there is none. labels [N], soft [N, C], weights [N]
struct RowTargets {
  const std::int32_t* labels;
  const float* soft;
  const float* weights;
  float smoothing;
};

__device__ std::int64_t warp_row() { return static_cast<std::int64_t>(blockIdx.x) * kWarps + threadIdx.x / 32; }

struct Normaliser {
  float largest, log_sum;
};

// p = softmax(z) for one row
__device__ Normaliser softmax_row(const float* z, std::int32_t c, float* p) {
  const auto lane = static_cast<std::int32_t>(threadIdx.x % 32);
  float largest = z[lane < c ? lane : 0];
  for (std::int32_t j = lane + 32; j < c; j += 32) largest = nan_max(largest, z[j]);
  largest = warp_max(largest);
  float sum = 0.0f;
  for (std::int32_t j = lane; j < c; j += 32) sum += expf(z[j] - largest);
  sum = warp_sum(sum);
  for (std::int32_t j = lane; j < c; j += 32) p[j] = expf(z[j] - largest) / sum;
  return {largest, logf(sum)};
}

// -sum over c of t[c] ln p[c], in every lane
__device__ float row_loss(const float* z, std::int32_t c, const Normaliser& normaliser, const RowTargets& targets,
                          std::int64_t row) {
  const auto lane = static_cast<std::int32_t>(threadIdx.x % 32);
  const auto surprise = [&](std::int32_t j) { return normaliser.log_sum - (z[j] - normaliser.largest); };
  float sum = 0.0f;
  if (targets.soft) {
    const float* target = targets.soft + row * c;
    for (std::int32_t j = lane; j < c; j += 32) {
      if (target[j] != 0.0f) sum += target[j] * surprise(j);  // what is impossible and wanted by nobody costs nothing
    }
    return warp_sum(sum);
  }
  const std::int32_t label = targets.labels[row];
  if (label < 0 || label >= c) return nanf("");
  if (targets.smoothing == 0.0f) return surprise(label);
  for (std::int32_t j = lane; j < c; j += 32) sum += surprise(j);
  return (1.0f - targets.smoothing) * surprise(label) + targets.smoothing * (warp_sum(sum) / static_cast<float>(c));
}

// z, p [n, c], losses [n] or null
__global__ void softmax_kernel(const float* z, std::int64_t n, std::int32_t c, RowTargets targets, float* losses,
                               float* p) {
  const std::int64_t row = warp_row();
  if (row >= n) return;
  const Normaliser normaliser = softmax_row(z + row * c, c, p + row * c);
  if (!losses) return;
  const float loss = row_loss(z + row * c, c, normaliser, targets, row);
  if (threadIdx.x % 32 == 0) losses[row] = targets.weights ? targets.weights[row] * loss : loss;
}

// dz[n,c] = dlosses[n] weights[n] (p[n,c] sum(t[n]) - t[n,c]).  p, dz [n, c], dlosses [n]
__global__ void cross_entropy_backward_kernel(const float* dlosses, const float* p, std::int64_t n, std::int32_t c,
                                              RowTargets targets, float* dz) {
  const std::int64_t row = warp_row();
  if (row >= n) return;
  const auto lane = static_cast<std::int32_t>(threadIdx.x % 32);
  const float* probability = p + row * c;
  float* gradient = dz + row * c;
  const float scale = targets.weights ? dlosses[row] * targets.weights[row] : dlosses[row];
  if (targets.soft) {
    const float* target = targets.soft + row * c;
    float total = 0.0f;
    for (std::int32_t j = lane; j < c; j += 32) total += target[j];
    total = warp_sum(total);
    for (std::int32_t j = lane; j < c; j += 32) gradient[j] = scale * (probability[j] * total - target[j]);
    return;
  }
  const std::int32_t label = targets.labels[row];
  const bool valid = label >= 0 && label < c;
  const float share = targets.smoothing / static_cast<float>(c);
  for (std::int32_t j = lane; j < c; j += 32) {
    const float target = j == label ? 1.0f - targets.smoothing + share : share;
    gradient[j] = valid ? scale * (probability[j] - target) : nanf("");
  }
}

RowTargets row_targets(const Tensor& labels, const Tensor& soft_targets, const Tensor& weights, double smoothing) {
  return {labels ? labels.data<std::int32_t>() : nullptr, soft_targets ? soft_targets.data<float>() : nullptr,
          weights ? weights.data<float>() : nullptr, static_cast<float>(smoothing)};
}

dim3 warp_grid(std::int64_t rows) { return dim3(static_cast<unsigned>((rows + kWarps - 1) / kWarps)); }

}  // namespace

void softmax_cross_entropy_forward(const Tensor& z, const Tensor& labels, const Tensor& soft_targets,
                                   const Tensor& weights, double smoothing, Tensor& losses, Tensor& p) {
  check_cross_entropy_forward(z, labels, soft_targets, weights, smoothing, losses, p);
  if (z.size() == 0) return;
  launch(softmax_kernel, warp_grid(z.shape()[0]), dim3(32 * kWarps), 0, z.context().stream(), z.data<float>(),
         z.shape()[0], z.shape()[1], row_targets(labels, soft_targets, weights, smoothing), losses.data<float>(),
         p.data<float>());
}

void softmax_cross_entropy_backward(const Tensor& dlosses, const Tensor& p, const Tensor& labels,
                                    const Tensor& soft_targets, const Tensor& weights, double smoothing, Tensor& dz) {
  check_cross_entropy_backward(dlosses, p, labels, soft_targets, weights, smoothing, dz);
  if (p.size() == 0) return;
  launch(cross_entropy_backward_kernel, warp_grid(p.shape()[0]), dim3(32 * kWarps), 0, p.context().stream(),
         dlosses.data<float>(), p.data<float>(), p.shape()[0], p.shape()[1],
         row_targets(labels, soft_targets, weights, smoothing), dz.data<float>());
}

void softmax(const Tensor& z, Tensor& p) {
  check_softmax("softmax", z, p);
  if (z.size() == 0) return;
  launch(softmax_kernel, warp_grid(z.shape()[0]), dim3(32 * kWarps), 0, z.context().stream(), z.data<float>(),
         z.shape()[0], z.shape()[1], RowTargets{}, nullptr, p.data<float>());
}

}  // namespace pliant::kernels::gpu
