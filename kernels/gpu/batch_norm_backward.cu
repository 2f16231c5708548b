// Batch normalisation, backward.   With g = dy f'(y), xhat = (x - mean) inverse_deviation, all [rows, C] f32, bf16 or f16 (what
// is [C] is f32):
//   dshift += sum g;  dscale += sum g xhat;  dresidual = g;  dx = scale inverse_deviation (g - (sum g + xhat sum g
//   xhat) / rows)
// Three kernels: partial sums of chunks of rows (and g, if wanted), their joining, dx. Reads dy and x twice, and y
// twice for relu unless g was kept, writes dx: 20 to 28 bytes a value of f32; the second readings come from the L2 cache where
// they fit. Bound by memory. With constant statistics (infer) dx is scale g / deviation. Deterministic: no atomics,
// fixed order.
#include "kernels/batch_norm.h"

#include "kernels/batch_norm_checks.h"
#include "kernels/elementwise_formulas.h"
#include "kernels/gpu/channel_tiles.cuh"

namespace pliant::kernels::gpu {

namespace {

struct Spread {  // [C]: the inverse deviation, or a variance that becomes one
  const float* values;
  float epsilon;
  bool is_variance;

  __device__ float inverse_deviation(std::int64_t c) const {
    return is_variance ? 1.0f / sqrtf(values[c] + epsilon) : values[c];
  }
};

// partial [chunks, 2, C]: the sums of g and of g (x - mean) of each chunk.
template <int V, class T, class Formula>
__global__ void partial_sums_kernel(const T* __restrict__ dy, const T* __restrict__ x,  // [rows, C]
                                    const T* __restrict__ y,                            // [rows, C], for relu
                                    const float* __restrict__ mean,                     // [C]
                                    Tiles t, T* __restrict__ kept,                      // g [rows, C], or null
                                    float* __restrict__ partial) {
  __shared__ float sums[2 * V][kTileThreads];
  const Share s = share_of<V>(t);
  const bool active = s.channel < t.channels;
  Values<V> centre{}, sum{}, weighted{};
  if (active) {
    for (int v = 0; v < V; ++v) centre.at[v] = mean[s.channel + v];
#pragma unroll 4
    for (std::int64_t row = s.begin; row < s.end; row += s.lanes) {
      const std::int64_t at = row * t.channels + s.channel;
      Values<V> g = load_values<V>(dy + at);
      const Values<V> value = load_values<V>(x + at), output = y ? load_values<V>(y + at) : g;
      for (int v = 0; v < V; ++v) {
        g.at[v] = Formula::backward(g.at[v], output.at[v]);
        sum.at[v] += g.at[v];
        weighted.at[v] += g.at[v] * (value.at[v] - centre.at[v]);
      }
      if (kept) store_values<V>(kept + at, g);
    }
  }
  for (int v = 0; v < V; ++v) sums[v][s.slot] = sum.at[v], sums[V + v][s.slot] = weighted.at[v];
  join_lanes(s, [&](int slot, int other) {
    for (int v = 0; v < 2 * V; ++v) sums[v][slot] += sums[v][other];
  });
  if (s.lane > 0 || !active) return;
  float* chunk = partial + static_cast<std::int64_t>(blockIdx.y) * 2 * t.channels + s.channel;
  for (int v = 0; v < V; ++v) chunk[v] = sums[v][s.slot], chunk[t.channels + v] = sums[V + v][s.slot];
}

// Joins the chunks: t describes the matrix of chunks [chunks, C]. totals [2, C]: the sums of g and of g xhat.
__global__ void join_sums_kernel(const float* __restrict__ partial, Spread spread, Tiles t, float* __restrict__ totals,
                                 float* dscale, float* dshift) {  // [C], or null
  __shared__ float sums[2][kTileThreads];
  const Share s = share_of<1>(t);
  const bool active = s.channel < t.channels;
  float sum = 0.0f, weighted = 0.0f;
  for (std::int64_t chunk = s.begin; active && chunk < s.end; chunk += s.lanes) {
    sum += partial[chunk * 2 * t.channels + s.channel];
    weighted += partial[(chunk * 2 + 1) * t.channels + s.channel];
  }
  sums[0][s.slot] = sum, sums[1][s.slot] = weighted;
  join_lanes(s, [&](int slot, int other) { sums[0][slot] += sums[0][other], sums[1][slot] += sums[1][other]; });
  if (s.lane > 0 || !active) return;
  const float shift_gradient = sums[0][s.slot], scale_gradient = sums[1][s.slot] * spread.inverse_deviation(s.channel);
  totals[s.channel] = shift_gradient;
  totals[t.channels + s.channel] = scale_gradient;
  if (dshift) dshift[s.channel] += shift_gradient;
  if (dscale) dscale[s.channel] += scale_gradient;
}

// dx from g, or from dy and y. totals is null where the statistics are constants.
template <int V, class T, class Formula>
__global__ void input_gradient_kernel(const T* __restrict__ dy, const T* __restrict__ x,  // [rows, C]
                                      const T* __restrict__ y,                            // [rows, C], for relu
                                      const float* __restrict__ scale, const float* __restrict__ mean,
                                      Spread spread,                     // [C]
                                      const float* __restrict__ totals,  // [2, C]
                                      Tiles t, T* __restrict__ dx) {
  const Share s = share_of<V>(t);
  if (s.channel >= t.channels) return;
  Values<V> slope, slant{}, level{}, centre{};  // dx = slope g + slant (x - centre) + level
  for (int v = 0; v < V; ++v) {
    const std::int64_t c = s.channel + v;
    const float inverse = spread.inverse_deviation(c), m = static_cast<float>(t.rows);
    slope.at[v] = scale[c] * inverse;
    if (!totals) continue;
    centre.at[v] = mean[c];
    slant.at[v] = -slope.at[v] * inverse * (totals[t.channels + c] / m);
    level.at[v] = -slope.at[v] * (totals[c] / m);
  }
#pragma unroll 4
  for (std::int64_t row = s.begin; row < s.end; row += s.lanes) {
    const std::int64_t at = row * t.channels + s.channel;
    Values<V> g = load_values<V>(dy + at);
    const Values<V> output = y ? load_values<V>(y + at) : g, value = totals ? load_values<V>(x + at) : Values<V>{};
    for (int v = 0; v < V; ++v) {
      g.at[v] = slope.at[v] * Formula::backward(g.at[v], output.at[v]) + slant.at[v] * (value.at[v] - centre.at[v]) +
                level.at[v];
    }
    store_values<V>(dx + at, g);
  }
}

template <class T = float>
const T* address(const Tensor& tensor) {
  return tensor ? tensor.data<T>() : nullptr;
}
template <class T = float>
T* address(Tensor& tensor) {
  return tensor ? tensor.data<T>() : nullptr;
}

struct Inputs {
  const Tensor &dy, &x, &y, &scale, &mean;
  Spread spread;
  Activation f;
};

// The totals [2, C]; adds to dscale and dshift and leaves g in dresidual.
template <class T>
Tensor sum_gradients(const Inputs& in, ChannelRows sizes, Tensor& dscale, Tensor& dshift, Tensor& dresidual) {
  const auto stream = in.x.context().stream();
  const bool relu = in.f == Activation::relu;
  const T* y = relu ? address<T>(in.y) : nullptr;
  const int vector = vector_of<T>(sizes.channels, {address<T>(in.dy), address<T>(in.x), y, address<T>(dresidual)});
  const Tiles t = tiles_of(sizes.rows, sizes.channels, vector, 8, 1024),
              joining = tiles_of(t.chunks, sizes.channels, 1, 1, 1);
  Tensor partial(in.x.context(), {t.chunks, 2, sizes.channels}), totals(in.x.context(), {2, sizes.channels});
  dispatch_vector<T>(vector, [&](auto v) {
    constexpr int V = decltype(v)::value;
    const auto kernel = relu ? partial_sums_kernel<V, T, Relu> : partial_sums_kernel<V, T, Identity>;
    launch(kernel, t.grid(), t.block(), 0, stream, address<T>(in.dy), address<T>(in.x), y, address(in.mean), t,
           address<T>(dresidual), partial.data<float>());
  });
  launch(join_sums_kernel, joining.grid(), joining.block(), 0, stream, partial.data<float>(), in.spread, joining,
                totals.data<float>(), address(dscale), address(dshift));
  return totals;
}

template <class T>
void input_gradient(const Inputs& in, const Tensor& totals, const Tensor& dresidual, ChannelRows sizes, Tensor& dx) {
  if (!dx || sizes.rows == 0) return;
  const bool relu = in.f == Activation::relu && !dresidual;  // dresidual is g already
  const Tensor& source = dresidual ? dresidual : in.dy;
  const T* y = relu ? address<T>(in.y) : nullptr;
  const int vector = vector_of<T>(sizes.channels, {address<T>(source), address<T>(in.x), y, address<T>(dx)});
  const Tiles t = tiles_of(sizes.rows, sizes.channels, vector, 4, 1 << 16);
  dispatch_vector<T>(vector, [&](auto v) {
    constexpr int V = decltype(v)::value;
    const auto kernel = relu ? input_gradient_kernel<V, T, Relu> : input_gradient_kernel<V, T, Identity>;
    launch(kernel, t.grid(), t.block(), 0, in.x.context().stream(), address<T>(source), address<T>(in.x), y, address(in.scale),
           address(in.mean), in.spread, address(totals), t, address<T>(dx));
  });
}

}  // namespace

void batch_norm_backward(const Tensor& dy, const Tensor& x, const Tensor& y, const Tensor& scale, const Tensor& mean,
                         const Tensor& inverse_deviation, Activation f, Tensor& dx, Tensor& dscale, Tensor& dshift,
                         Tensor& dresidual) {
  const ChannelRows sizes = check_batch_norm_backward("batch_norm_backward", dy, x, y, scale, mean, inverse_deviation,
                                                      f, dx, dscale, dshift, dresidual);
  const Inputs in{dy, x, y, scale, mean, {address(inverse_deviation), 0.0f, false}, f};
  dispatch_gpu(x.dtype(), "batch_norm_backward", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const Tensor totals = sum_gradients<T>(in, sizes, dscale, dshift, dresidual);
    input_gradient<T>(in, totals, dresidual, sizes, dx);
  });
}

void batch_norm_infer_backward(const Tensor& dy, const Tensor& x, const Tensor& y, const Tensor& scale,
                               const Tensor& running_mean, const Tensor& running_variance, double epsilon, Activation f,
                               Tensor& dx, Tensor& dscale, Tensor& dshift, Tensor& dresidual) {
  const ChannelRows sizes = check_batch_norm_backward("batch_norm_infer_backward", dy, x, y, scale, running_mean,
                                                      running_variance, f, dx, dscale, dshift, dresidual);
  const Inputs in{dy, x, y, scale, running_mean, {address(running_variance), static_cast<float>(epsilon), true}, f};
  dispatch_gpu(x.dtype(), "batch_norm_infer_backward", [&](auto tag) {
    using T = typename decltype(tag)::type;
    if (dscale || dshift || dresidual) sum_gradients<T>(in, sizes, dscale, dshift, dresidual);
    input_gradient<T>(in, {}, dresidual, sizes, dx);
  });
}

}  // namespace pliant::kernels::gpu
