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

OpCase dropout_case(const std::string& what, Shape shape, double p) {
  return {"dropout: " + what, {shape}, [=](const std::vector<Var>& x) {
            Context& context = x[0].value.context();
            std::vector<std::int32_t> samples;
            for (std::int64_t i = 0; i < shape[0]; ++i) samples.push_back(static_cast<std::int32_t>(100 - 3 * i));
            return dropout(x[0], integers(context, {5, -6, 7}), integers(context, samples), 2, p);
          }};
}

OpCase drop_path_case(const std::string& what, Shape shape, double survival, double factor) {
  return {"drop_path: " + what, {shape}, [=](const std::vector<Var>& x) {
            Context& context = x[0].value.context();
            std::vector<std::int32_t> samples;
            for (std::int64_t i = 0; i < shape[0]; ++i) samples.push_back(static_cast<std::int32_t>(100 - 3 * i));
            return drop_path(x[0], integers(context, {5, -6, 7}), integers(context, samples), 3, survival, factor);
          }};
}

KernelCase resize_case(Shape from, std::int64_t p, std::int64_t q) {
  return {cat("bilinear_resize: ", from, " to ", p, " x ", q), [=](Context& context, DType dtype) {
            const Tensor x = coarse_tensor(context, from, dtype, 51);
            Tensor y(context, {from[0], p, q, from[3]}, dtype);
            kernels::bilinear_resize(x, y);
            return std::vector<Tensor>{y};
          },
          1e-5, 2.0};
}

// Parameters of one segment, of none, of several blocks' worth.
KernelCase segment_sums_case(const std::vector<std::int32_t>& starts) {
  return {cat("segment_abs_sums: ", starts.size() - 1, " segments to ", starts.back()), [=](Context& context, DType dtype) {
            const Tensor x = random_tensor(context, {64 * 41}, dtype, 52);
            Tensor sums = random_tensor(context, {static_cast<std::int64_t>(starts.size()) - 1}, dtype, 53);
            for (int i = 0; i < 2; ++i) kernels::segment_abs_sums(x, integers(context, starts), sums);
            return std::vector<Tensor>{sums};
          }};
}

// Rules of five segments: plain, with decay and l1, frozen, with another rate, proximal.
const std::vector<double> kRules = {1, 0, 0, -1, 1, 0.01, 0.003, -1, 0, 0.5, 0.5, -1, 0.25, 0.1, 0, -1, 1, 0, 0, 0.5};

// Three steps over these segments.
KernelCase sgd_case(bool nesterov, bool masked) {
  return {
      cat("sgd_step: ", nesterov ? "nesterov" : "plain", masked ? ", masked" : ""), [=](Context& context, DType dtype) {
        const Shape shape{320};
        Tensor w = random_tensor(context, shape, dtype, 31), v = random_tensor(context, shape, dtype, 32), copy;
        const Tensor gradient = random_tensor(context, shape, dtype, 33);
        const Tensor rules = make_tensor(context, {5, 4}, dtype, kRules);
        std::vector<double> keep(320, 1.0);
        for (std::size_t i = 0; i < keep.size(); i += 3) keep[i] = 0.0;
        const Tensor mask = masked ? make_tensor(context, shape, dtype, keep) : Tensor();
        const Tensor scalars = Tensor::from_host<double>(context, {3}, std::vector<double>{0.1, 0.9, 0.5});
        for (int i = 0; i < 3; ++i) kernels::sgd_step(w, gradient, v, rules, mask, scalars, nesterov, copy);
        return std::vector<Tensor>{w, v};
      }};
}

// Three steps over the same segments; the last one is an ordinary one.
KernelCase adam_case(bool masked) {
  return {cat("adam_step", masked ? ": masked" : ""), [=](Context& context, DType dtype) {
            const Shape shape{320};
            Tensor w = random_tensor(context, shape, dtype, 31), m = random_tensor(context, shape, dtype, 32);
            Tensor v = random_tensor(context, shape, dtype, 34, 0.0, 1.0), copy;
            const Tensor gradient = random_tensor(context, shape, dtype, 33);
            const Tensor rules = make_tensor(context, {5, 4}, dtype, kRules);
            std::vector<double> keep(320, 1.0);
            for (std::size_t i = 0; i < keep.size(); i += 3) keep[i] = 0.0;
            const Tensor mask = masked ? make_tensor(context, shape, dtype, keep) : Tensor();
            const Tensor scalars = Tensor::from_host<double>(context, {7}, std::vector<double>{0.01, 0.9, 0.999, 1e-8, 0.271, 0.002997001, 0.5});
            for (int i = 0; i < 3; ++i) kernels::adam_step(w, gradient, m, v, rules, mask, scalars, copy);
            return std::vector<Tensor>{w, m, v};
          }};
}

// shown: rows and columns of the result.
KernelCase augment_case(const std::string& what, Augmentation options, Shape images,
                        std::vector<std::int32_t> samples, Shape shown) {
  return {
      "augment: " + what, [=](Context& context, DType dtype) {
        std::vector<std::uint8_t> bytes;
        for (const double value : random_values(images.size(), 41, 0.0, 256.0))
          bytes.push_back(static_cast<std::uint8_t>(value));
        const std::int64_t c = images[3];
        const Tensor mean = random_tensor(context, {c}, DType::f32, 42, 0.3, 0.6);
        const Tensor deviation = random_tensor(context, {c}, DType::f32, 43, 0.2, 0.3);
        const Tensor from = integers(context, samples);
        Tensor y(context, {from.size(), shown[0], shown[1], c}, dtype), labels(context, {from.size()}, DType::i32);
        std::vector<std::int32_t> values;
        for (std::int32_t i = 0; i < images[0]; ++i) values.push_back(17 * i % 10);
        kernels::augment(Tensor::from_host<std::uint8_t>(context, images, bytes), from, mean, deviation,
                         integers(context, {1, 2, 3}), options, y);
        kernels::gather_labels(integers(context, values), from, labels);
        Tensor batch(context, {images[0], shown[0], shown[1], c}, dtype);  // of images that came one by one
        std::vector<std::int32_t> numbers;
        for (std::int32_t i = 0; i < images[0]; ++i) numbers.push_back(1000 - 7 * i);
        kernels::augment_batch(Tensor::from_host<std::uint8_t>(context, images, bytes), integers(context, numbers), mean, deviation,
                               integers(context, {1, 2, 3}), options, batch);
        return std::vector<Tensor>{y, labels, batch};
      },
      1e-5, 2.0};
}

// Two steps from the middle of an epoch; the second is the last one, of fewer samples where `n` says so.
KernelCase take_step_case(std::int64_t stride, std::int64_t n) {
  return {cat("take_step: ", n, " of ", stride), [=](Context& context, DType) {
            const Tensor table = Tensor::from_host<double>(context, {4, 3}, random_values(12, 61));
            std::vector<std::int32_t> order;
            for (std::int64_t i = 0; i < 3 * stride + n; ++i) order.push_back(static_cast<std::int32_t>(7 * i % 1000));
            Tensor position = integers(context, {2});
            std::vector<Tensor> results;
            for (const std::int64_t size : {stride, n}) {
              Tensor scalars(context, {3}, DType::f64), samples(context, {size}, DType::i32);
              kernels::take_step(table, integers(context, order), stride, position, scalars, samples);
              results.insert(results.end(), {scalars, samples, position.clone()});
            }
            return results;
          }, 0.0};
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
    for (const bool masked : {false, true}) cases.push_back(sgd_case(nesterov, masked));
  }
  for (const bool masked : {false, true}) cases.push_back(adam_case(masked));
  for (const auto& [p, q] : {std::pair{1, 1}, {3, 4}, {5, 7}, {10, 14}, {13, 3}}) cases.push_back(resize_case({2, 5, 7, 3}, p, q));
  cases.push_back(resize_case({1, 1, 1, 33}, 2, 3));
  cases.push_back(resize_case({1, 17, 2, 1}, 19, 16));
  cases.push_back({"drop_rows: more than one block a row", [](Context& context, DType dtype) {
                     const Tensor x = coarse_tensor(context, {3, 5001}, dtype, 54);
                     Tensor y = Tensor::like(x);
                     kernels::drop_rows(x, integers(context, {1, 2, 3}), integers(context, {4, 5, 6}), 0, 0.6, 1.5, y);
                     return std::vector<Tensor>{y};
                   },
                   1e-5, 2.0});
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

}  // namespace pliant
