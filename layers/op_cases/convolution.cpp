#include "layers/functional.h"
#include "layers/op_cases/families.h"
#include "layers/op_cases/values.h"

namespace pliant {

namespace {

// Two operations for each value of y and each value of a filter.
double products(const Shape& y, const Shape& w) { return 2.0 * static_cast<double>(y.size()) * static_cast<double>(w.size() / w[0]); }

ConvolutionCase conv_case(const std::string& name, Shape x, Shape w, Conv2dGeometry geometry, bool bias) {
  OpCase one{cat(geometry.groups > 1 && geometry.groups == w[0] ? "depthwise conv2d: " : "conv2d: ", name), {x, w}, nullptr};
  if (bias) one.inputs.push_back({w[0]});
  one.masters = {2};
  one.apply = [geometry, bias](const std::vector<Var>& in) { return conv2d(in[0], in[1], bias ? in[2] : Var{}, geometry); };
  one.work.flops = products(conv2d_output_shape(x, w, geometry), w);
  return {one, geometry};
}

OpCase linear_case(const std::string& name, Shape x, Shape w, bool bias) {
  OpCase one{cat("linear: ", name), {x, w}, nullptr};
  if (bias) one.inputs.push_back({w[0]});
  one.masters = {2};
  one.apply = [bias](const std::vector<Var>& in) { return linear(in[0], in[1], bias ? in[2] : Var{}); };
  one.work.flops = products({x[0], w[0]}, w);
  return one;
}

OpCase cross_case(const std::string& name, Shape x, Shape w, int stride, bool bias) {
  OpCase one{cat("conv2d_cross: ", name), {x, w}, nullptr};
  if (bias) one.inputs.push_back({w[0]});
  one.masters = {2};
  one.apply = [stride, bias](const std::vector<Var>& in) { return conv2d_cross(in[0], in[1], bias ? in[2] : Var{}, stride); };
  one.work.flops = products(conv2d_cross_output_shape(x, w, stride), w);
  return one;
}

// As in nets whose batch norms are folded: with an activation, perhaps onto a residual.
KernelCase fused_case(std::string name, const ConvolutionCase& one, Activation f, bool onto) {
  return {std::move(name), [one, f, onto](Context& context, DType dtype) -> PreparedKernel {
            const Tensor x = random_tensor(context, one.op.inputs[0], dtype, 21), w = random_tensor(context, one.op.inputs[1], dtype, 22);
            const bool biased = one.op.inputs.size() > 2;
            const Tensor bias = biased ? random_tensor(context, one.op.inputs[2], accumulation_dtype(dtype), 23) : Tensor();
            Tensor y(context, conv2d_output_shape(x.shape(), w.shape(), one.geometry), dtype);
            const Tensor residual = onto ? random_tensor(context, y.shape(), dtype, 24) : Tensor();
            return {{y}, [=, geometry = one.geometry]() mutable { kernels::conv2d_fused(x, w, bias, residual, f, geometry, y); },
                    bytes_of({x, w, y}), one.op.work.flops};
          },
          1e-5, 4.0};
}

}  // namespace

std::vector<ConvolutionCase> convolutions() {
  std::vector<ConvolutionCase> cases;
  // {stride, padding, dilation, groups}
  cases.push_back(conv_case("1x1, 3 channels to 5, bias", {2, 3, 4, 3}, {5, 1, 1, 3}, {1, 0, 1, 1}, true));
  cases.push_back(conv_case("1x1 stride 2, 4 to 4", {2, 5, 5, 4}, {4, 1, 1, 4}, {2, 0, 1, 1}, false));
  cases.push_back(conv_case("3x3, 3 to 5, padding 1, bias", {2, 5, 4, 3}, {5, 3, 3, 3}, {1, 1, 1, 1}, true));
  cases.push_back(conv_case("3x3 stride 2, 7 to 9", {1, 6, 7, 7}, {9, 3, 3, 7}, {2, 1, 1, 1}, false));
  cases.push_back(conv_case("3x3, 13 to 17, batch 1", {1, 4, 3, 13}, {17, 3, 3, 13}, {1, 1, 1, 1}, false));
  cases.push_back(conv_case("5x5, 3 to 2, bias", {2, 7, 6, 3}, {2, 5, 5, 3}, {1, 0, 1, 1}, true));
  cases.push_back(conv_case("5x5 stride 3 that leaves pixels over", {1, 9, 10, 2}, {3, 5, 5, 2}, {3, 1, 1, 1}, false));
  cases.push_back(conv_case("dilation 2, 4 to 3", {1, 7, 6, 4}, {3, 3, 3, 4}, {1, 2, 2, 1}, false));
  cases.push_back(conv_case("groups 2, 6 to 4, bias", {2, 4, 5, 6}, {4, 3, 3, 3}, {1, 1, 1, 2}, true));
  cases.push_back(conv_case("groups 3 stride 2 dilation 2", {1, 8, 7, 3}, {6, 3, 3, 1}, {2, 2, 2, 3}, false));
  cases.push_back(conv_case("one pixel, 3x3 with padding", {2, 1, 1, 3}, {4, 3, 3, 3}, {1, 1, 1, 1}, true));
  cases.push_back(conv_case("map smaller than the filter", {1, 2, 3, 2}, {3, 5, 5, 2}, {1, 2, 1, 1}, false));
  cases.push_back(conv_case("1x3 filter, padding wider than needed", {1, 3, 4, 2}, {2, 1, 3, 2}, {1, 2, 1, 1}, false));
  cases.push_back(conv_case("one channel to one", {2, 4, 4, 1}, {1, 3, 3, 1}, {1, 0, 1, 1}, true));
  cases.push_back(conv_case("3x3, bias", {2, 5, 4, 5}, {5, 3, 3, 1}, {1, 1, 1, 5}, true));
  cases.push_back(conv_case("3x3 stride 2, 33 channels", {1, 5, 4, 33}, {33, 3, 3, 1}, {2, 1, 1, 33}, false));
  cases.push_back(conv_case("5x5 dilation 2, batch 3", {3, 9, 9, 2}, {2, 5, 5, 1}, {1, 3, 2, 2}, true));
  cases.push_back(conv_case("one pixel", {2, 1, 1, 7}, {7, 3, 3, 1}, {1, 1, 1, 7}, false));
  return cases;
}

std::vector<OpCase> convolution_cases() {
  std::vector<OpCase> cases;
  for (const ConvolutionCase& one : convolutions()) cases.push_back(one.op);
  cases.push_back(cross_case("3 to 5, bias", {2, 5, 4, 3}, {5, 5, 1, 3}, 1, true));
  cases.push_back(cross_case("stride 2, 7 to 9", {1, 6, 7, 7}, {9, 5, 1, 7}, 2, false));
  cases.push_back(cross_case("stride 3 that leaves pixels over", {2, 8, 6, 2}, {3, 5, 1, 2}, 3, true));
  cases.push_back(cross_case("13 to 33, batch 3", {3, 4, 3, 13}, {33, 5, 1, 13}, 1, false));
  cases.push_back(cross_case("one pixel", {2, 1, 1, 3}, {4, 5, 1, 3}, 1, true));
  cases.push_back(cross_case("one row, stride 2", {1, 1, 5, 2}, {1, 5, 1, 2}, 2, false));
  return cases;
}

std::vector<KernelCase> convolution_kernel_cases() {
  std::vector<KernelCase> cases;
  for (const ConvolutionCase& one : convolutions()) {
    for (const auto& [f, onto] : {std::pair{Activation::relu, false}, {Activation::identity, true}, {Activation::relu, true}}) {
      cases.push_back(fused_case(cat("conv2d_fused: ", name_of(f), onto ? " onto a residual, " : ", ", one.op.name), one, f, onto));
    }
  }
  return cases;
}

std::vector<OpCase> linear_cases() {
  std::vector<OpCase> cases;
  cases.push_back(linear_case("5 to 7, bias", {3, 5}, {7, 5}, true));
  cases.push_back(linear_case("one input", {4, 1}, {3, 1}, true));
  cases.push_back(linear_case("one output", {4, 6}, {1, 6}, false));
  cases.push_back(linear_case("batch 1", {1, 9}, {4, 9}, true));
  cases.push_back(linear_case("17 to 33, batch 19", {19, 17}, {33, 17}, false));
  cases.push_back(linear_case("over a map", {2, 3, 2, 5}, {4, 3, 2, 5}, true));
  return cases;
}

std::vector<OpFamily> convolution_families() {
  const std::vector<Sizes> layers = {{128, 32, 32, 16}, {128, 32, 32, 64}, {128, 8, 8, 256}};
  const auto filters = [](const Sizes& s) { return s.size() > 4 ? s[4] : s[3]; };  // as many as channels, unless given
  std::vector<OpFamily> families;
  for (const std::int64_t r : {3, 1}) {
    families.push_back({cat("conv2d ", r, "x", r), "NxHxWxC[xK]", layers, [r, filters](const Sizes& s) {
                          const Shape x{s[0], s[1], s[2], s[3]}, w{filters(s), r, r, s[3]};
                          return conv_case(cat(r, "x", r, ", ", x, " to ", w[0]), x, w, {1, static_cast<int>(r / 2), 1, 1}, false).op;
                        }});
  }
  families.push_back({"conv2d 3x3 fused", "NxHxWxC[xK]", {{128, 32, 32, 64}}, nullptr, [filters](const Sizes& s) {
                        const Shape x{s[0], s[1], s[2], s[3]};
                        const ConvolutionCase plain = conv_case(cat(x, " to ", filters(s)), x, {filters(s), 3, 3, s[3]}, {1, 1, 1, 1}, true);
                        return fused_case("conv2d_fused: relu, " + plain.op.name, plain, Activation::relu, false);
                      }});
  families.push_back({"conv2d 3x3 depthwise", "NxHxWxC", {{128, 32, 32, 64}}, [](const Sizes& s) {
                        const Shape x = shape_of(s);
                        OpCase one = conv_case(cat("3x3, ", x), x, {s[3], 3, 3, 1}, {1, 1, 1, static_cast<int>(s[3])}, false).op;
                        one.work = {.kept = 2 * x.size()};  // x, dy once more; nine products a value are too few for arithmetic to be the limit
                        return one;
                      }});
  families.push_back({"conv2d cross", "NxHxWxC[xK]", {{128, 32, 32, 64}}, [filters](const Sizes& s) {
                        const Shape x{s[0], s[1], s[2], s[3]};
                        return cross_case(cat(x, " to ", filters(s)), x, {filters(s), 5, 1, s[3]}, 1, false);
                      }});
  families.push_back({"linear", "NxCxK", {{1024, 1024, 1024}}, [](const Sizes& s) {
                        return linear_case(cat("batch ", s[0], ", ", s[1], " to ", s[2]), {s[0], s[1]}, {s[2], s[1]}, true);
                      }});
  return families;
}

}  // namespace pliant
