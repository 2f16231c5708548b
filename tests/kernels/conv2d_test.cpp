#include "kernels/conv2d.h"

#include <doctest/doctest.h>

#include "kernels/conv2d_checks.h"
#include "kernels/cpu/conv2d_direct.h"
#include "kernels/cpu/conv2d_onednn.h"
#include "tests/support/compare.h"
#include "tests/support/contexts.h"
#include "kernels/gpu/channel_bias.h"
#if defined(PLIANT_WITH_CUDA)
#include "kernels/gpu/conv2d_cudnn.h"
#include "kernels/gpu/conv2d_direct.h"
#endif

namespace pliant::test {

namespace {

Tensor floats(Context& context, Shape shape, std::vector<float> values) { return Tensor::from_host<float>(context, shape, values); }

std::string refusal(const Shape& x, const Shape& w, const Conv2dGeometry& geometry) {
  try {
    conv2d_output_shape(x, w, geometry);
  } catch (const ShapeError& error) {
    return error.what();
  }
  return "";
}

bool contains(const std::string& text, const char* part) { return text.find(part) != std::string::npos; }

std::vector<NamedContext> all_contexts() {
  std::vector<NamedContext> contexts = gpu_contexts();
  contexts.push_back({"cpu", std::make_unique<Context>(Device::cpu)});
  return contexts;
}

}  // namespace

TEST_CASE("conv2d: a convolution computed by hand") {
  for (const NamedContext& device : all_contexts()) {
    CAPTURE(device.name);
    Context& context = *device.context;
    // Two channels; the filter takes the first channel at the left and ten times the second at the right.
    const Tensor x = floats(context, {1, 2, 3, 2}, {1, 10, 2, 20, 3, 30, 4, 40, 5, 50, 6, 60});
    const Tensor w = floats(context, {1, 1, 2, 2}, {1, 0, 0, 10});
    Tensor y(context, {1, 2, 2, 1});
    kernels::conv2d_forward(x, w, floats(context, {1}, {0.5f}), {}, y);
    CHECK(y.to_host<float>() == std::vector<float>{201.5f, 302.5f, 504.5f, 605.5f});

    const Tensor dy = floats(context, {1, 2, 2, 1}, {1, 2, 3, 4});
    Tensor dx(context, x.shape());
    kernels::conv2d_backward_data(dy, w, {}, dx);
    CHECK(dx.to_host<float>() == std::vector<float>{1, 0, 2, 10, 0, 20, 3, 0, 4, 30, 0, 40});

    Tensor dw = floats(context, {1, 1, 2, 2}, {1000, 0, 0, 0});
    kernels::conv2d_backward_filter(dy, x, {}, dw);
    CHECK(dw.to_host<float>() == std::vector<float>{1037, 370, 47, 470});
  }
}

TEST_CASE("conv2d: padding and stride computed by hand") {
  for (const NamedContext& device : all_contexts()) {
    CAPTURE(device.name);
    Context& context = *device.context;
    const Tensor x = floats(context, {1, 3, 3, 1}, {1, 2, 3, 4, 5, 6, 7, 8, 9});
    const Tensor w = floats(context, {1, 3, 3, 1}, std::vector<float>(9, 1.0f));
    Tensor y(context, {1, 2, 2, 1});
    kernels::conv2d_forward(x, w, {}, {2, 1, 1, 1}, y);
    CHECK(y.to_host<float>() == std::vector<float>{12, 16, 24, 28});
    Tensor depthwise(context, {1, 2, 2, 1});
    kernels::depthwise_conv2d_forward(x, w, {}, {2, 1, 1, 1}, depthwise);
    CHECK(depthwise.to_host<float>() == std::vector<float>{12, 16, 24, 28});
  }
}

TEST_CASE("conv2d: gradients of filters accumulate and those of images are written") {
  const Conv2dGeometry geometry{1, 1, 1, 5};
  for (const NamedContext& device : all_contexts()) {
    CAPTURE(device.name);
    Context& context = *device.context;
    const Tensor x = random_tensor(context, {2, 4, 3, 5}, DType::f32, 1), dy = random_tensor(context, {2, 4, 3, 5}, DType::f32, 2);
    const Tensor w = random_tensor(context, {5, 3, 3, 1}, DType::f32, 3);
    for (const bool depthwise : {false, true}) {
      Tensor once = Tensor::zeros_like(w), twice = Tensor::zeros_like(w), dx = random_tensor(context, x.shape(), DType::f32, 4);
      const auto& filter = depthwise ? kernels::depthwise_conv2d_backward_filter : kernels::conv2d_backward_filter;
      const auto& data = depthwise ? kernels::depthwise_conv2d_backward_data : kernels::conv2d_backward_data;
      filter(dy, x, geometry, once);
      filter(dy, x, geometry, twice);
      filter(dy, x, geometry, twice);
      std::vector<double> doubled = once.to_doubles();
      for (double& value : doubled) value *= 2.0;
      CHECK(difference(twice.to_doubles(), doubled).relative < 1e-6);
      Tensor again = Tensor::like(dx);
      data(dy, w, geometry, dx);
      data(dy, w, geometry, again);
      CHECK(bit_equal(dx, again));
    }
  }
}

TEST_CASE("conv2d: a batch without images leaves the gradient of the filter as it is") {
  for (const NamedContext& device : all_contexts()) {
    CAPTURE(device.name);
    Context& context = *device.context;
    const Tensor x(context, {0, 4, 4, 2}), dy(context, {0, 4, 4, 2}), w = floats(context, {2, 1, 1, 2}, {1, 2, 3, 4});
    Tensor y(context, {0, 4, 4, 2}), dw = w.clone();
    kernels::conv2d_forward(x, w, {}, {}, y);
    kernels::conv2d_backward_filter(dy, x, {}, dw);
    CHECK(bit_equal(dw, w));
    const Tensor filters = floats(context, {2, 1, 1, 1}, {5, 6});
    Tensor depthwise = filters.clone();
    kernels::depthwise_conv2d_forward(x, filters, {}, {1, 0, 1, 2}, y);
    kernels::depthwise_conv2d_backward_filter(dy, x, {1, 0, 1, 2}, depthwise);
    CHECK(bit_equal(depthwise, filters));
  }
}

TEST_CASE("conv2d: output sizes") {
  CHECK(conv2d_output_shape({7, 32, 32, 3}, {16, 3, 3, 3}, {1, 1, 1, 1}) == Shape{7, 32, 32, 16});
  CHECK(conv2d_output_shape({1, 224, 224, 3}, {64, 7, 7, 3}, {2, 3, 1, 1}) == Shape{1, 112, 112, 64});
  CHECK(conv2d_output_shape({1, 7, 9, 4}, {6, 3, 3, 2}, {1, 2, 2, 2}) == Shape{1, 7, 9, 6});
  CHECK(conv2d_output_shape({1, 5, 6, 1}, {1, 2, 3, 1}, {2, 0, 1, 1}) == Shape{1, 2, 2, 1});
  CHECK(conv2d_output_shape({0, 5, 5, 1}, {1, 5, 5, 1}, {}) == Shape{0, 1, 1, 1});
}

TEST_CASE("conv2d: what does not fit is refused with the reason") {
  CHECK(contains(refusal({1, 4, 4, 3}, {8, 3, 3, 4}, {}), "w must have 3 channels, it has 4"));
  CHECK(contains(refusal({1, 4, 4, 3}, {8, 3, 3, 4}, {}), "x [1, 4, 4, 3], w [8, 3, 3, 4], stride 1"));
  CHECK(contains(refusal({1, 4, 4, 3}, {8, 5, 5, 3}, {}), "the filter is larger than the padded image"));
  CHECK(contains(refusal({1, 4, 4, 3}, {8, 3, 3, 3}, {2, 0, 2, 1}), "the filter is larger than the padded image"));
  CHECK(contains(refusal({1, 4, 4, 3}, {8, 3, 3, 1}, {1, 0, 1, 2}), "3 channels cannot be split into 2 groups"));
  CHECK(contains(refusal({1, 4, 4, 4}, {3, 3, 3, 2}, {1, 0, 1, 2}), "3 filters cannot be split into 2 groups"));
  CHECK(contains(refusal({1, 4, 4, 3}, {8, 3, 3, 3}, {0, 0, 1, 1}), "stride, dilation and groups must be at least 1"));
  CHECK(contains(refusal({1, 4, 4, 3}, {8, 3, 3, 3}, {1, -1, 1, 1}), "padding cannot be negative"));
  CHECK(contains(refusal({4, 4, 3}, {8, 3, 3, 3}, {}), "x must be [N, H, W, C]"));
  CHECK(contains(refusal({1, 4, 4, 3}, {8, 27}, {}), "w must be [K, R, S, C / groups]"));
  const Tensor x = random_tensor(cpu(), {1, 4, 4, 4}, DType::f32, 1), w = random_tensor(cpu(), {4, 3, 3, 4}, DType::f32, 2);
  Tensor y(cpu(), {1, 2, 2, 4}), wrong(cpu(), {1, 4, 4, 4}), doubles(cpu(), {1, 2, 2, 4}, DType::f64);
  CHECK_THROWS_AS(kernels::conv2d_forward(x, w, {}, {}, wrong), ShapeError);
  CHECK_THROWS_AS(kernels::conv2d_forward(x, w, {}, {}, doubles), ShapeError);
  CHECK_THROWS_AS(kernels::conv2d_forward(x, w, Tensor(cpu(), {3}), {}, y), ShapeError);
  CHECK_THROWS_AS(kernels::depthwise_conv2d_forward(x, w, {}, {}, y), ShapeError);
}

#if defined(PLIANT_WITH_ONEDNN)
TEST_CASE("conv2d: floats on the CPU are computed by oneDNN and its primitives are reused") {
  Context context(Device::cpu);
  const Tensor x = random_tensor(context, {2, 5, 5, 3}, DType::f32, 1), w = random_tensor(context, {4, 3, 3, 3}, DType::f32, 2);
  Tensor y(context, {2, 3, 3, 4});
  for (int i = 0; i < 3; ++i) kernels::conv2d_forward(x, w, {}, {}, y);
  const kernels::cpu::OneDnnCounters floats_done = kernels::cpu::onednn_counters(context);
  CHECK(floats_done.plans == 1);
  CHECK(floats_done.runs == 3);
  CHECK(floats_done.winograd_plans == 0);
  const std::int64_t allocations = context.pool().counters().driver_allocations;
  kernels::conv2d_forward(x, w, {}, {}, y);
  if (context.pool().caches()) CHECK(context.pool().counters().driver_allocations == allocations);

  Tensor y64(context, y.shape(), DType::f64);
  kernels::conv2d_forward(random_tensor(context, x.shape(), DType::f64, 1), random_tensor(context, w.shape(), DType::f64, 2), {}, {},
                          y64);
  CHECK(kernels::cpu::onednn_counters(context).runs == 4);
  CHECK(difference(y, y64).relative < 1e-6);
}

namespace {

// Each pass of a convolution with a bias, from the same numbers in every dtype: y, dx and dw.
std::vector<Tensor> all_passes(Context& context, DType dtype, const Shape& image, const Shape& filters, const Conv2dGeometry& geometry) {
  const Shape result = conv2d_output_shape(image, filters, geometry);
  const Tensor x = random_tensor(context, image, dtype, 1), w = random_tensor(context, filters, dtype, 2);
  const Tensor bias = random_tensor(context, {filters[0]}, dtype, 3), dy = random_tensor(context, result, dtype, 4);
  Tensor y(context, result, dtype), dx(context, image, dtype), dw = random_tensor(context, filters, dtype, 5);
  kernels::conv2d_forward(x, w, bias, geometry, y);
  kernels::conv2d_backward_data(dy, w, geometry, dx);
  kernels::conv2d_backward_filter(dy, x, geometry, dw);
  return {y, dx, dw};
}

// Floats against double, and twice the same bits.
void check_exact(Context& context, const Shape& image, const Shape& filters, const Conv2dGeometry& geometry) {
  const auto run = [&](DType dtype) { return all_passes(context, dtype, image, filters, geometry); };
  const std::vector<Tensor> actual = run(DType::f32), expected = run(DType::f64), again = run(DType::f32);
  for (std::size_t i = 0; i < actual.size(); ++i) {
    CAPTURE(i);
    CHECK(difference(actual[i], expected[i]).relative < 1e-5);
    CHECK(bit_equal(actual[i], again[i]));
  }
}

}  // namespace

TEST_CASE("conv2d: Winograd computes large 3x3 layers as exactly as floats allow") {
  Context context(Device::cpu);
  check_exact(context, {16, 15, 16, 65}, {66, 3, 3, 65}, {1, 1, 1, 1});
  // Winograd is a rule of the shape where the processor has it (AVX-512); elsewhere the plain algorithm computes.
  MESSAGE("Winograd plans: " << kernels::cpu::onednn_counters(context).winograd_plans);
  CHECK(kernels::cpu::onednn_counters(context).plans == 3);
}

TEST_CASE("conv2d: a batch that Winograd takes in parts is computed as exactly as in one piece") {
  Context context(Device::cpu);
  check_exact(context, {67, 17, 16, 64}, {64, 3, 3, 64}, {1, 1, 1, 1});
  const kernels::cpu::OneDnnCounters counters = kernels::cpu::onednn_counters(context);
  MESSAGE("Winograd plans: " << counters.winograd_plans);  // none without AVX-512, where a batch stays in one piece
  CHECK(counters.runs == 6);
  CHECK(counters.plans == (counters.winograd_plans > 0 ? 6 : 3));  // the last part of each pass is smaller than the others

  Context other(Device::cpu);
  const Tensor x = random_tensor(other, {64, 32, 32, 64}, DType::f32, 1), w = random_tensor(other, {64, 3, 3, 64}, DType::f32, 2);
  Tensor y(other, x.shape());
  kernels::conv2d_forward(x, w, {}, {1, 1, 1, 1}, y);
  const MemoryPool::Counters& memory = other.pool().counters();
  CHECK(memory.peak_bytes < memory.live_bytes + x.bytes());  // scratch memory for some of the images
}

TEST_CASE("conv2d: maps of a few pixels are products of matrices and as exact as floats allow") {
  Context context(Device::cpu);
  for (const Conv2dGeometry& geometry : {Conv2dGeometry{1, 1, 1, 1}, Conv2dGeometry{2, 1, 1, 1}, Conv2dGeometry{1, 2, 2, 1}}) {
    CAPTURE(geometry.stride);
    CAPTURE(geometry.dilation);
    check_exact(context, {33, 2, 2, 65}, {66, 3, 3, 65}, geometry);
  }
  CHECK(kernels::cpu::onednn_counters(context).plans == 0);
}

TEST_CASE("conv2d_fused: filters kept for Winograd in inference are as exact as floats allow and follow their tensor") {
  Context context(Device::cpu);
  const Conv2dGeometry geometry{1, 1, 1, 1};
  for (const std::int64_t batch : {1, 24}) {
    CAPTURE(batch);
    const Shape image{batch, 8, 8, 64}, filters{128, 3, 3, 64}, result{batch, 8, 8, 128};
    const auto run = [&](const Tensor& w, bool onto) {
      const Tensor x = random_tensor(context, image, w.dtype(), 1), bias = random_tensor(context, {128}, w.dtype(), 3);
      const Tensor residual = onto ? random_tensor(context, result, w.dtype(), 4) : Tensor();
      Tensor y(context, result, w.dtype());
      kernels::conv2d_fused(x, w, bias, residual, Activation::relu, geometry, y);
      return y;
    };
    Tensor w = random_tensor(context, filters, DType::f32, 2);
    for (const bool onto : {false, true}) {
      const Tensor first = run(w, onto);
      CHECK(difference(first, run(random_tensor(context, filters, DType::f64, 2), onto)).relative < 1e-5);
      CHECK(bit_equal(run(w, onto), first));
    }
    w.copy_from(random_tensor(context, filters, DType::f32, 5));
    CHECK(difference(run(w, false), run(random_tensor(context, filters, DType::f64, 5), false)).relative < 1e-5);
    w = random_tensor(context, filters, DType::f32, 6);  // perhaps at the address of the former one
    CHECK(difference(run(w, false), run(random_tensor(context, filters, DType::f64, 6), false)).relative < 1e-5);
  }

  const Shape image{43, 16, 16, 64};  // in two parts of unequal size, where Winograd computes
  const auto run = [&](DType dtype, std::uint64_t seed) {
    const Tensor x = random_tensor(context, image, dtype, 1), w = random_tensor(context, {64, 3, 3, 64}, dtype, seed);
    Tensor y(context, image, dtype);
    kernels::conv2d_fused(x, w, random_tensor(context, {64}, dtype, 3), {}, Activation::relu, geometry, y);
    return y;
  };
  for (const std::uint64_t seed : {2, 5}) CHECK(difference(run(DType::f32, seed), run(DType::f64, seed)).relative < 1e-5);
}
#endif

#if defined(PLIANT_WITH_CUDA)
TEST_CASE("conv2d: cuDNN equals the hand-written kernels with its first choice and with the fastest plans and nearly in TF32") {
  const std::pair<ContextOptions, double> ways[] = {{{}, 1e-5}, {{.timed_plans = true}, 1e-5}, {{.tf32 = true}, 5e-3}};
  for (const auto& [options, limit] : ways) {
    CAPTURE(options.timed_plans);
    CAPTURE(options.tf32);
    Context context(Device::cuda, options);
    const Conv2dGeometry geometry{1, 1, 1, 1};
    const Tensor x = random_tensor(context, {8, 16, 16, 32}, DType::f32, 1), w = random_tensor(context, {48, 3, 3, 32}, DType::f32, 2);
    const Tensor dy = random_tensor(context, {8, 16, 16, 48}, DType::f32, 3), bias = random_tensor(context, {48}, DType::f32, 4);
    Tensor y = Tensor::like(dy), dx = Tensor::like(x), dw = random_tensor(context, w.shape(), DType::f32, 5);
    Tensor y_direct = Tensor::like(dy), dx_direct = Tensor::like(x), dw_direct = dw.clone();
    kernels::conv2d_forward(x, w, bias, geometry, y);
    kernels::conv2d_backward_data(dy, w, geometry, dx);
    kernels::conv2d_backward_filter(dy, x, geometry, dw);
    kernels::gpu::conv2d_direct_forward(x, w, bias, geometry, y_direct);
    kernels::gpu::conv2d_direct_backward_data(dy, w, geometry, dx_direct);
    kernels::gpu::conv2d_direct_backward_filter(dy, x, geometry, dw_direct);
    CHECK(difference(y, y_direct).relative < limit);
    CHECK(difference(dx, dx_direct).relative < limit);
    CHECK(difference(dw, dw_direct).relative < limit);
    CHECK(kernels::gpu::cudnn_counters(context).plans == 3);
    CHECK(kernels::gpu::cudnn_counters(context).fallbacks == 0);
  }
}
#endif

TEST_CASE("channel bias: every row gets its channel's bias in every thread order") {
  for (const NamedContext& gpu : gpu_contexts()) {
    CAPTURE(gpu.name);
    const Shape shape{3, 5, 7, 13};
    Tensor y = random_tensor(*gpu.context, shape, DType::f32, 1);
    const Tensor bias = random_tensor(*gpu.context, {13}, DType::f32, 2);
    const std::vector<double> before = y.to_doubles(), added = bias.to_doubles();
    kernels::gpu::add_channel_bias(bias, y);
    std::vector<double> expected(before.size());
    for (std::size_t i = 0; i < before.size(); ++i) expected[i] = before[i] + added[i % 13];
    CHECK(difference(y.to_doubles(), expected).relative <= 1e-6);
  }
}

}  // namespace pliant::test
