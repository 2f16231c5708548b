// Dropout, drop path, the steps of optimizers, augmentation, resizing and sums of gradients.
#include "kernels/adam.h"
#include "kernels/augment.h"
#include "kernels/drop_path.h"
#include "kernels/dropout.h"
#include "kernels/reduce.h"
#include "kernels/resize.h"
#include "kernels/sgd.h"
#include "kernels/step_input.h"
#include "layers/functional.h"
#include "layers/op_cases/families.h"
#include "layers/op_cases/values.h"

namespace pliant {

namespace {

Tensor integers(Context& context, const std::vector<std::int32_t>& values) {
  return Tensor::from_host<std::int32_t>(context, {static_cast<std::int64_t>(values.size())}, values);
}

// The key of the random numbers, and the numbers of the samples.
std::function<std::vector<Tensor>(Context&, DType)> key_and_samples(std::int64_t n) {
  return [n](Context& context, DType) {
    std::vector<std::int32_t> samples;
    for (std::int64_t i = 0; i < n; ++i) samples.push_back(static_cast<std::int32_t>(100 - 3 * i));
    return std::vector<Tensor>{integers(context, {5, -6, 7}), integers(context, samples)};
  };
}

OpCase dropout_case(const std::string& what, Shape shape, double p) {
  OpCase one{"dropout: " + what, {shape}, [p](const std::vector<Var>& x) { return dropout(x[0], x[1].value, x[2].value, 2, p); }};
  one.constants = key_and_samples(shape[0]);
  return one;
}

OpCase drop_path_case(const std::string& what, Shape shape, double survival, double factor) {
  OpCase one{"drop_path: " + what, {shape}, [=](const std::vector<Var>& x) { return drop_path(x[0], x[1].value, x[2].value, 3, survival, factor); }};
  one.constants = key_and_samples(shape[0]);
  return one;
}

KernelCase resize_case(Shape from, std::int64_t p, std::int64_t q) {
  return {cat("bilinear_resize: ", from, " to ", p, " x ", q), [=](Context& context, DType dtype) -> PreparedKernel {
            const Tensor x = coarse_tensor(context, from, dtype, 51);
            Tensor y(context, {from[0], p, q, from[3]}, dtype);
            return {{y}, [=]() mutable { kernels::bilinear_resize(x, y); }, bytes_of({x, y})};
          },
          1e-5, 2.0};
}

// Parameters of one segment, of none, of several blocks' worth.
KernelCase segment_sums_case(const std::vector<std::int32_t>& starts) {
  return {cat("segment_abs_sums: ", starts.size() - 1, " segments to ", starts.back()), [=](Context& context, DType dtype) -> PreparedKernel {
            const Tensor x = random_tensor(context, {64 * 41}, dtype, 52), at = integers(context, starts);
            Tensor sums = random_tensor(context, {static_cast<std::int64_t>(starts.size()) - 1}, dtype, 53);
            return {{sums}, [=]() mutable {
                      for (int i = 0; i < 2; ++i) kernels::segment_abs_sums(x, at, sums);
                    }};
          }};
}

// Rules of five segments: plain, with decay and l1, frozen, with another rate, proximal.
const std::vector<double> kRules = {1, 0, 0, -1, 1, 0.01, 0.003, -1, 0, 0.5, 0.5, -1, 0.25, 0.1, 0, -1, 1, 0, 0, 0.5};

// One after another for as many segments as there are.
Tensor rules_of(Context& context, std::int64_t segments, DType dtype, const std::vector<double>& rules) {
  std::vector<double> values(static_cast<std::size_t>(4 * segments));
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = rules[i % rules.size()];
  return make_tensor(context, {segments, 4}, dtype, values);
}

Tensor mask_of(Context& context, const Shape& shape, DType dtype) {
  std::vector<double> keep(static_cast<std::size_t>(shape.size()), 1.0);
  for (std::size_t i = 0; i < keep.size(); i += 3) keep[i] = 0.0;
  return make_tensor(context, shape, dtype, keep);
}

struct Steps {  // of an optimizer over an arena of so many values
  std::int64_t size = 320;
  int steps = 3;
  std::vector<double> rules = kRules;
  double rate = 0.1;
};
constexpr double kTinyRate = 1e-9;  // with which a thousand steps change nothing

KernelCase sgd_case(std::string name, bool nesterov, bool masked, const Steps& of) {
  return {std::move(name), [=](Context& context, DType dtype) -> PreparedKernel {
            const Shape shape{of.size};
            Tensor w = random_tensor(context, shape, dtype, 31), v = random_tensor(context, shape, dtype, 32), copy;
            const Tensor gradient = random_tensor(context, shape, dtype, 33), rules = rules_of(context, of.size / 64, dtype, of.rules);
            const Tensor mask = masked ? mask_of(context, shape, dtype) : Tensor();
            const Tensor scalars = Tensor::from_host<double>(context, {3}, std::vector<double>{of.rate, 0.9, 0.5});
            return {{w, v},
                    [=]() mutable {
                      for (int i = 0; i < of.steps; ++i) kernels::sgd_step(w, gradient, v, rules, mask, scalars, nesterov, copy);
                    },
                    of.steps * bytes_of({w, gradient, v, rules, w, v})};
          }};
}

// The last step is an ordinary one.
KernelCase adam_case(std::string name, bool masked, const Steps& of) {
  return {std::move(name), [=](Context& context, DType dtype) -> PreparedKernel {
            const Shape shape{of.size};
            Tensor w = random_tensor(context, shape, dtype, 31), m = random_tensor(context, shape, dtype, 32);
            Tensor v = random_tensor(context, shape, dtype, 34, 0.0, 1.0), copy;
            const Tensor gradient = random_tensor(context, shape, dtype, 33), rules = rules_of(context, of.size / 64, dtype, of.rules);
            const Tensor mask = masked ? mask_of(context, shape, dtype) : Tensor();
            const Tensor scalars = Tensor::from_host<double>(context, {7}, std::vector<double>{0.1 * of.rate, 0.9, 0.999, 1e-8, 0.271, 0.002997001, 0.5});
            return {{w, m, v},
                    [=]() mutable {
                      for (int i = 0; i < of.steps; ++i) kernels::adam_step(w, gradient, m, v, rules, mask, scalars, copy);
                    },
                    of.steps * bytes_of({w, gradient, m, v, rules, w, m, v})};
          }};
}

// shown: rows and columns of the result. Images of a data set that lies on the device, and in a batch that came image by image unless `alone`.
KernelCase augment_case(const std::string& what, Augmentation options, Shape images, std::vector<std::int32_t> samples, Shape shown,
                        bool alone = false) {
  return {"augment: " + what, [=](Context& context, DType dtype) -> PreparedKernel {
            std::vector<std::uint8_t> values;
            for (const double value : random_values(images.size(), 41, 0.0, 256.0)) values.push_back(static_cast<std::uint8_t>(value));
            const std::int64_t c = images[3];
            const Tensor mean = random_tensor(context, {c}, DType::f32, 42, 0.3, 0.6), deviation = random_tensor(context, {c}, DType::f32, 43, 0.2, 0.3);
            const Tensor from = integers(context, samples), key = integers(context, {1, 2, 3});
            const Tensor bytes = Tensor::from_host<std::uint8_t>(context, images, values);
            std::vector<std::int32_t> classes, numbers;
            for (std::int32_t i = 0; i < images[0]; ++i) classes.push_back(17 * i % 10), numbers.push_back(1000 - 7 * i);
            const Tensor all_labels = integers(context, classes), all_numbers = integers(context, numbers);
            Tensor y(context, {from.size(), shown[0], shown[1], c}, dtype), labels(context, {from.size()}, DType::i32);
            if (alone) {  // a byte for each value of y
              return {{y}, [=]() mutable { kernels::augment(bytes, from, mean, deviation, key, options, y); }, bytes_of({y}) + static_cast<double>(y.size())};
            }
            Tensor batch(context, {images[0], shown[0], shown[1], c}, dtype);
            return {{y, labels, batch}, [=]() mutable {
                      kernels::augment(bytes, from, mean, deviation, key, options, y);
                      kernels::gather_labels(all_labels, from, labels);
                      kernels::augment_batch(bytes, all_numbers, mean, deviation, key, options, batch);
                    }};
          },
          1e-5, 2.0};
}

// Two steps from the middle of an epoch; the second is the last one, of fewer samples where `n` says so.
KernelCase take_step_case(std::int64_t stride, std::int64_t n) {
  return {cat("take_step: ", n, " of ", stride), [=](Context& context, DType) -> PreparedKernel {
            const Tensor table = Tensor::from_host<double>(context, {4, 3}, random_values(12, 61));
            std::vector<std::int32_t> values;
            for (std::int64_t i = 0; i < 3 * stride + n; ++i) values.push_back(static_cast<std::int32_t>(7 * i % 1000));
            const Tensor order = integers(context, values), start = integers(context, {2});
            Tensor position = integers(context, {2}), between = integers(context, {0}), after = integers(context, {0});
            Tensor scalars(context, {3}, DType::f64), last(context, {3}, DType::f64);
            Tensor samples(context, {stride}, DType::i32), few(context, {n}, DType::i32);
            return {{scalars, samples, between, last, few, after}, [=]() mutable {
                      position.copy_from(start);
                      kernels::take_step(table, order, stride, position, scalars, samples);
                      between.copy_from(position);
                      kernels::take_step(table, order, stride, position, last, few);
                      after.copy_from(position);
                    }};
          }, 0.0};
}

// More than one block a row.
KernelCase drop_rows_case() {
  return {"drop_rows: more than one block a row", [](Context& context, DType dtype) -> PreparedKernel {
            const Tensor x = coarse_tensor(context, {3, 5001}, dtype, 54), key = integers(context, {1, 2, 3}), samples = integers(context, {4, 5, 6});
            Tensor y = Tensor::like(x);
            return {{y}, [=]() mutable { kernels::drop_rows(x, key, samples, 0, 0.6, 1.5, y); }, bytes_of({x, y})};
          },
          1e-5, 2.0};
}

}  // namespace

std::vector<OpCase> training_cases() {
  std::vector<OpCase> cases;
  cases.push_back(dropout_case("half of a map", {3, 2, 3, 5}, 0.5));
  cases.push_back(dropout_case("a tenth of a row", {1, 37}, 0.1));
  cases.push_back(dropout_case("one value a sample", {9, 1}, 0.3));
  cases.push_back(dropout_case("none", {2, 3}, 0.0));
  cases.push_back(drop_path_case("half of the rows", {7, 2, 3, 5}, 0.5, 2.0));
  cases.push_back(drop_path_case("one sample", {1, 1}, 0.9, 1.0));
  cases.push_back(drop_path_case("one value a sample", {9, 1}, 0.7, 1.0));
  cases.push_back(drop_path_case("all survive and are scaled", {2, 33}, 1.0, 0.25));
  return cases;
}

std::vector<KernelCase> training_kernel_cases() {
  std::vector<KernelCase> cases;
  for (const bool nesterov : {false, true}) {
    for (const bool masked : {false, true}) {
      cases.push_back(sgd_case(cat("sgd_step: ", nesterov ? "nesterov" : "plain", masked ? ", masked" : ""), nesterov, masked, {}));
    }
  }
  for (const bool masked : {false, true}) cases.push_back(adam_case(masked ? "adam_step: masked" : "adam_step", masked, {}));
  for (const auto& [p, q] : {std::pair{1, 1}, {3, 4}, {5, 7}, {10, 14}, {13, 3}}) cases.push_back(resize_case({2, 5, 7, 3}, p, q));
  cases.push_back(resize_case({1, 1, 1, 33}, 2, 3));
  cases.push_back(resize_case({1, 17, 2, 1}, 19, 16));
  cases.push_back(drop_rows_case());
  cases.push_back(segment_sums_case({0, 1, 2, 2, 19, 41}));
  cases.push_back(segment_sums_case({40, 41}));
  cases.push_back(take_step_case(5, 2));
  cases.push_back(take_step_case(300, 257));
  cases.push_back(augment_case("none", {}, {3, 4, 5, 3}, {2, 0, 0, 1}, {4, 5}));
  cases.push_back(augment_case("shift, flip and cut", {2, false, true, 3}, {4, 7, 5, 3}, {3, 1, 0, 2, 1}, {7, 5}));
  cases.push_back(augment_case("mean outside, one channel", {3, true, true, 0}, {5, 5, 5, 1}, {4, 3, 2, 1, 0}, {5, 5}));
  cases.push_back(augment_case("more than one block an image", {4, false, true, 9}, {2, 41, 37, 3}, {1, 0}, {41, 37}));
  const Augmentation jitter{.pad = 2, .flip = true, .cutout = 2, .brightness = 0.4, .contrast = 0.4, .saturation = 0.4, .hue = 0.1};
  cases.push_back(augment_case("other colours", jitter, {6, 7, 5, 3}, {3, 1, 5, 2, 1}, {7, 5}));
  cases.push_back(augment_case("other greys", jitter, {3, 7, 5, 1}, {2, 1}, {7, 5}));
  cases.push_back(augment_case("a random part", {.flip = true, .framing = Framing::random}, {4, 13, 17, 3}, {3, 1, 0}, {7, 5}));
  cases.push_back(augment_case("a random part, larger and in other colours", {.framing = Framing::random, .least_area = 0.5, .contrast = 0.4, .hue = 0.5},
                               {2, 13, 17, 3}, {1, 0, 1}, {31, 37}));
  cases.push_back(augment_case("the centre", {.framing = Framing::centre}, {2, 33, 17, 1}, {1}, {8, 12}));
  return cases;
}

std::vector<OpFamily> training_families() {
  // A plain step with decay, as nearly all segments of a net have.
  const auto steps = [](const Sizes& sizes) {
    PLIANT_REQUIRE(ShapeError, sizes[0] % 64 == 0, "an arena holds a multiple of 64 values, not ", sizes[0]);
    return Steps{sizes[0], 1, {1, 1e-4, 0, -1}, kTinyRate};
  };
  std::vector<OpFamily> families;
  families.push_back({"sgd_step", "P", {{9999360}}, nullptr, [steps](const Sizes& s) { return sgd_case(cat("sgd_step of ", s[0]), false, false, steps(s)); }});
  families.push_back({"adam_step", "P", {{9999360}}, nullptr, [steps](const Sizes& s) { return adam_case(cat("adam_step of ", s[0]), false, steps(s)); }});
  families.push_back({"dropout", "NxC", {{1024, 4096}}, [](const Sizes& s) { return dropout_case(cat("half of ", shape_of(s)), shape_of(s), 0.5); }});
  families.push_back({"drop_path", "NxHxWxC", {{128, 32, 32, 64}}, [](const Sizes& s) {
                        return drop_path_case(cat("half of ", shape_of(s)), shape_of(s), 0.5, 2.0);
                      }});
  families.push_back({"augment", "NxHxWxC", {{1024, 32, 32, 3}}, nullptr, [](const Sizes& s) {
                        std::vector<std::int32_t> samples;
                        for (std::int64_t i = 0; i < s[0]; ++i) samples.push_back(static_cast<std::int32_t>((7 * i + 3) % s[0]));
                        return augment_case(cat("crop and flip ", shape_of(s)), {.pad = 4, .flip = true}, shape_of(s), samples, {s[1], s[2]}, true);
                      }});
  families.push_back({"bilinear_resize", "NxHxWxC", {{32, 112, 112, 3}}, nullptr,
                      [](const Sizes& s) { return resize_case(shape_of(s), 2 * s[1], 2 * s[2]); }});
  return families;
}

}  // namespace pliant
