#include "kernels/batch_norm.h"

#include <cmath>

#include "kernels/batch_norm_checks.h"
#include "kernels/cpu/channel_sums.h"
#include "kernels/elementwise_formulas.h"

namespace pliant::kernels::cpu {

namespace {

// y = f(factor (x - centre) + offset + residual). The mean is subtracted first: factor x - factor mean would cancel.
template <class T, class Formula, bool kResidual>
void normalise_rows(const T* __restrict x, const T* residual, ChannelRows sizes, const Wide<T>* __restrict centre,
                    const Wide<T>* __restrict factor, const Wide<T>* __restrict offset, T* y) {
  const std::int64_t rows = sizes.rows, channels = sizes.channels;
#pragma omp parallel for schedule(static) if (sizes.size() > kParallelSize)
  for (std::int64_t row = 0; row < rows; ++row) {
    const std::int64_t at = row * channels;
#pragma omp simd
    for (std::int64_t c = 0; c < channels; ++c) {
      Wide<T> value = factor[c] * (widened(x[at + c]) - centre[c]) + offset[c];
      if constexpr (kResidual) value += widened(residual[at + c]);
      y[at + c] = narrowed<T>(Formula::forward(value));
    }
  }
}

template <class T>
void normalise(const Tensor& x, const Tensor& residual, Activation f, ChannelRows sizes, const Tensor& centre,
               const Tensor& factor_and_offset, Tensor& y) {
  const T* added = residual ? residual.data<T>() : nullptr;
  const Wide<T>* factor = factor_and_offset.data<Wide<T>>();
  const auto rows = f == Activation::relu
                        ? (added ? normalise_rows<T, Relu, true> : normalise_rows<T, Relu, false>)
                        : (added ? normalise_rows<T, Identity, true> : normalise_rows<T, Identity, false>);
  rows(x.data<T>(), added, sizes, centre.data<Wide<T>>(), factor, factor + sizes.channels, y.data<T>());
}

// dx = c0 g + c1 (x - mean) + c2, with three coefficients per channel.
template <class T, class Formula>
void input_gradient_rows(const T* __restrict dy, const T* __restrict x, const T* y, ChannelRows sizes,
                         const Wide<T>* __restrict mean, const Wide<T>* __restrict coefficients, T* __restrict dx) {
  const std::int64_t rows = sizes.rows, channels = sizes.channels;
  const Wide<T> *c0 = coefficients, *c1 = c0 + channels, *c2 = c1 + channels;
#pragma omp parallel for schedule(static) if (sizes.size() > kParallelSize)
  for (std::int64_t row = 0; row < rows; ++row) {
    const std::int64_t at = row * channels;
#pragma omp simd
    for (std::int64_t c = 0; c < channels; ++c) {
      const Wide<T> g = Formula::backward(widened(dy[at + c]), widened(y[at + c]));
      dx[at + c] = narrowed<T>(c0[c] * g + c1[c] * (widened(x[at + c]) - mean[c]) + c2[c]);
    }
  }
}

template <class T, class Formula>
void scaled_gradient_rows(const T* __restrict dy, const T* y, ChannelRows sizes, const Wide<T>* __restrict factor,
                          T* __restrict dx) {
  const std::int64_t rows = sizes.rows, channels = sizes.channels;
#pragma omp parallel for schedule(static) if (sizes.size() > kParallelSize)
  for (std::int64_t row = 0; row < rows; ++row) {
    const std::int64_t at = row * channels;
#pragma omp simd
    for (std::int64_t c = 0; c < channels; ++c) {
      dx[at + c] = narrowed<T>(factor[c] * Formula::backward(widened(dy[at + c]), widened(y[at + c])));
    }
  }
}

// The sums of a backward pass [2, C] f64, added to the parameters' gradients; g is left in dresidual.
template <class T>
Tensor gradient_sums(const Tensor& dy, const Tensor& x, const Tensor& y, const Tensor& mean, const Wide<T>* inverse_deviation,
                     Activation f, ChannelRows sizes, Tensor& dscale, Tensor& dshift, Tensor& dresidual) {
  Tensor sums(x.context(), {2, sizes.channels}, DType::f64);
  double* values = sums.data<double>();
  const BatchNormGradient<T> in{dy.data<T>(), x.data<T>(), f == Activation::relu ? y.data<T>() : nullptr,
                                mean.data<Wide<T>>(), dresidual ? dresidual.data<T>() : nullptr};
  channel_gradient_sums(x.context(), in, sizes, values);
  for (std::int64_t c = 0; c < sizes.channels; ++c) {
    if (dshift) dshift.data<Wide<T>>()[c] += static_cast<Wide<T>>(values[c]);
    if (dscale) dscale.data<Wide<T>>()[c] += static_cast<Wide<T>>(values[sizes.channels + c] * inverse_deviation[c]);
  }
  return sums;
}

// Where g = dy f'(y) has already been written it is read instead of dy and y.
struct GradientSource {
  const Tensor &g, &y;
  Activation f;
};
GradientSource source_of(const Tensor& dy, const Tensor& y, Activation f, const Tensor& dresidual) {
  return dresidual ? GradientSource{dresidual, dresidual, Activation::identity} : GradientSource{dy, y ? y : dy, f};
}

}  // namespace

void batch_norm_train(const Tensor& x, const Tensor& scale, const Tensor& shift, const Tensor& residual, Activation f,
                      double momentum, double epsilon, Tensor& running_mean, Tensor& running_variance, Tensor& mean,
                      Tensor& inverse_deviation, Tensor& y) {
  const ChannelRows sizes = check_batch_norm_train(x, scale, shift, residual, f, momentum, epsilon, running_mean,
                                                   running_variance, mean, inverse_deviation, y);
  dispatch_cpu_storage(x.dtype(), "batch_norm_train", [&](auto tag) {
    using T = typename decltype(tag)::type;
    using W = Wide<T>;
    const std::int64_t channels = sizes.channels;
    const double m = static_cast<double>(sizes.rows);
    Tensor moments(x.context(), {2, channels}, DType::f64), affine(x.context(), {2, channels}, dtype_of<W>);
    const double *means = moments.data<double>(), *squares = means + channels;
    channel_moments(x.context(), x.data<T>(), sizes, moments.data<double>());
    W *factor = affine.data<W>(), *offset = factor + channels;
    for (std::int64_t c = 0; c < channels; ++c) {
      const double inverse = 1.0 / std::sqrt(squares[c] / m + epsilon);
      W &average = running_mean.data<W>()[c], &variance = running_variance.data<W>()[c];
      average = static_cast<W>((1.0 - momentum) * average + momentum * means[c]);
      variance = static_cast<W>((1.0 - momentum) * variance + momentum * squares[c] / (m - 1.0));
      const W centre = static_cast<W>(means[c]);
      mean.data<W>()[c] = centre;
      inverse_deviation.data<W>()[c] = static_cast<W>(inverse);
      factor[c] = static_cast<W>(scale.data<W>()[c] * inverse);
      // Gives back what rounding the mean to T has lost: it would shift every value of the channel.
      offset[c] = static_cast<W>(shift.data<W>()[c] + factor[c] * (centre - means[c]));
    }
    normalise<T>(x, residual, f, sizes, mean, affine, y);
  });
}

void batch_moments(const Tensor& x, Tensor& mean, Tensor& variance) {
  const ChannelRows sizes = check_batch_moments(x, mean, variance);
  dispatch_cpu_storage(x.dtype(), "batch_moments", [&](auto tag) {
    using T = typename decltype(tag)::type;
    Tensor moments(x.context(), {2, sizes.channels}, DType::f64);
    const double *means = moments.data<double>(), *squares = means + sizes.channels;
    channel_moments(x.context(), x.data<T>(), sizes, moments.data<double>());
    for (std::int64_t c = 0; c < sizes.channels; ++c) {
      mean.data<Wide<T>>()[c] = static_cast<Wide<T>>(means[c]);
      variance.data<Wide<T>>()[c] = static_cast<Wide<T>>(squares[c] / static_cast<double>(sizes.rows));
    }
  });
}

void batch_norm_infer(const Tensor& x, const Tensor& scale, const Tensor& shift, const Tensor& residual, Activation f,
                      double epsilon, const Tensor& running_mean, const Tensor& running_variance, Tensor& y) {
  const ChannelRows sizes =
      check_batch_norm_infer(x, scale, shift, residual, f, epsilon, running_mean, running_variance, y);
  dispatch_cpu_storage(x.dtype(), "batch_norm_infer", [&](auto tag) {
    using T = typename decltype(tag)::type;
    using W = Wide<T>;
    Tensor affine(x.context(), {2, sizes.channels}, dtype_of<W>);
    W *factor = affine.data<W>(), *offset = factor + sizes.channels;
    for (std::int64_t c = 0; c < sizes.channels; ++c) {
      factor[c] = static_cast<W>(scale.data<W>()[c] / std::sqrt(running_variance.data<W>()[c] + epsilon));
      offset[c] = shift.data<W>()[c];
    }
    normalise<T>(x, residual, f, sizes, running_mean, affine, y);
  });
}

void batch_norm_backward(const Tensor& dy, const Tensor& x, const Tensor& y, const Tensor& scale, const Tensor& mean,
                         const Tensor& inverse_deviation, Activation f, Tensor& dx, Tensor& dscale, Tensor& dshift,
                         Tensor& dresidual) {
  const ChannelRows sizes = check_batch_norm_backward("batch_norm_backward", dy, x, y, scale, mean, inverse_deviation,
                                                      f, dx, dscale, dshift, dresidual);
  dispatch_cpu_storage(x.dtype(), "batch_norm_backward", [&](auto tag) {
    using T = typename decltype(tag)::type;
    using W = Wide<T>;
    const W* inverse = inverse_deviation.data<W>();
    const Tensor sums = gradient_sums<T>(dy, x, y, mean, inverse, f, sizes, dscale, dshift, dresidual);
    if (!dx) return;
    const double *sum = sums.data<double>(), *weighted = sum + sizes.channels;
    const double m = static_cast<double>(sizes.rows);
    Tensor coefficients(x.context(), {3, sizes.channels}, dtype_of<W>);
    W *c0 = coefficients.data<W>(), *c1 = c0 + sizes.channels, *c2 = c1 + sizes.channels;
    for (std::int64_t c = 0; c < sizes.channels; ++c) {
      const double slope = static_cast<double>(scale.data<W>()[c]) * inverse[c];
      c0[c] = static_cast<W>(slope);
      c1[c] = static_cast<W>(-slope * inverse[c] * inverse[c] * weighted[c] / m);
      c2[c] = static_cast<W>(-slope * sum[c] / m);
    }
    const GradientSource from = source_of(dy, y, f, dresidual);
    const auto rows = from.f == Activation::relu ? input_gradient_rows<T, Relu> : input_gradient_rows<T, Identity>;
    rows(from.g.data<T>(), x.data<T>(), from.y.data<T>(), sizes, mean.data<W>(), c0, dx.data<T>());
  });
}

void batch_norm_infer_backward(const Tensor& dy, const Tensor& x, const Tensor& y, const Tensor& scale,
                               const Tensor& running_mean, const Tensor& running_variance, double epsilon, Activation f,
                               Tensor& dx, Tensor& dscale, Tensor& dshift, Tensor& dresidual) {
  const ChannelRows sizes = check_batch_norm_backward("batch_norm_infer_backward", dy, x, y, scale, running_mean,
                                                      running_variance, f, dx, dscale, dshift, dresidual);
  dispatch_cpu_storage(x.dtype(), "batch_norm_infer_backward", [&](auto tag) {
    using T = typename decltype(tag)::type;
    using W = Wide<T>;
    Tensor coefficients(x.context(), {2, sizes.channels}, dtype_of<W>);
    W *inverse = coefficients.data<W>(), *factor = inverse + sizes.channels;
    for (std::int64_t c = 0; c < sizes.channels; ++c) {
      inverse[c] = static_cast<W>(1.0 / std::sqrt(running_variance.data<W>()[c] + epsilon));
      factor[c] = scale.data<W>()[c] * inverse[c];
    }
    if (dscale || dshift || dresidual) {
      gradient_sums<T>(dy, x, y, running_mean, inverse, f, sizes, dscale, dshift, dresidual);
    }
    if (!dx) return;
    const GradientSource from = source_of(dy, y, f, dresidual);
    const auto rows = from.f == Activation::relu ? scaled_gradient_rows<T, Relu> : scaled_gradient_rows<T, Identity>;
    rows(from.g.data<T>(), from.y.data<T>(), sizes, factor, dx.data<T>());
  });
}

}  // namespace pliant::kernels::cpu
