// Dropout, the optimizer step and augmentation: what runs in training alone.
#include "kernels/adam.h"
#include "kernels/augment.h"
#include "kernels/dropout.h"
#include "kernels/sgd.h"
#include "layers/functional.h"
#include "tests/support/cases/cases.h"
#include "tests/support/compare.h"

namespace pliant::test {

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

// Three steps over four segments: plain, with decay and l1, frozen, with another rate.
KernelCase sgd_case(bool nesterov, bool masked) {
  return {
      cat("sgd_step: ", nesterov ? "nesterov" : "plain", masked ? ", masked" : ""), [=](Context& context, DType dtype) {
        const Shape shape{256};
        Tensor w = random_tensor(context, shape, dtype, 31), v = random_tensor(context, shape, dtype, 32);
        const Tensor gradient = random_tensor(context, shape, dtype, 33);
        const Tensor rules = make_tensor(context, {4, 3}, dtype, {1, 0, 0, 1, 0.01, 0.003, 0, 0.5, 0.5, 0.25, 0.1, 0});
        std::vector<double> keep(256, 1.0);
        for (std::size_t i = 0; i < keep.size(); i += 3) keep[i] = 0.0;
        const Tensor mask = masked ? make_tensor(context, shape, dtype, keep) : Tensor();
        const Tensor scalars = Tensor::from_host<double>(context, {2}, std::vector<double>{0.1, 0.9});
        for (int i = 0; i < 3; ++i) kernels::sgd_step(w, gradient, v, rules, mask, scalars, nesterov);
        return std::vector<Tensor>{w, v};
      }};
}

// Three steps over the same four segments.
KernelCase adam_case(bool masked) {
  return {cat("adam_step", masked ? ": masked" : ""), [=](Context& context, DType dtype) {
            const Shape shape{256};
            Tensor w = random_tensor(context, shape, dtype, 31), m = random_tensor(context, shape, dtype, 32);
            Tensor v = random_tensor(context, shape, dtype, 34, 0.0, 1.0);
            const Tensor gradient = random_tensor(context, shape, dtype, 33);
            const Tensor rules = make_tensor(context, {4, 3}, dtype, {1, 0, 0, 1, 0.01, 0.003, 0, 0.5, 0.5, 0.25, 0.1, 0});
            std::vector<double> keep(256, 1.0);
            for (std::size_t i = 0; i < keep.size(); i += 3) keep[i] = 0.0;
            const Tensor mask = masked ? make_tensor(context, shape, dtype, keep) : Tensor();
            const Tensor scalars = Tensor::from_host<double>(context, {6}, std::vector<double>{0.01, 0.9, 0.999, 1e-8, 0.271, 0.002997001});
            for (int i = 0; i < 3; ++i) kernels::adam_step(w, gradient, m, v, rules, mask, scalars);
            return std::vector<Tensor>{w, m, v};
          }};
}

KernelCase augment_case(const std::string& what, Augmentation options, Shape images,
                        std::vector<std::int32_t> samples) {
  return {
      "augment: " + what, [=](Context& context, DType dtype) {
        std::vector<std::uint8_t> bytes;
        for (const double value : random_values(images.size(), 41, 0.0, 256.0))
          bytes.push_back(static_cast<std::uint8_t>(value));
        const std::int64_t c = images[3];
        const Tensor mean = random_tensor(context, {c}, DType::f32, 42, 0.3, 0.6);
        const Tensor deviation = random_tensor(context, {c}, DType::f32, 43, 0.2, 0.3);
        const Tensor from = integers(context, samples);
        Tensor y(context, {from.size(), images[1], images[2], c}, dtype), labels(context, {from.size()}, DType::i32);
        std::vector<std::int32_t> values;
        for (std::int32_t i = 0; i < images[0]; ++i) values.push_back(17 * i % 10);
        kernels::augment(Tensor::from_host<std::uint8_t>(context, images, bytes), from, mean, deviation,
                         integers(context, {1, 2, 3}), options, y);
        kernels::gather_labels(integers(context, values), from, labels);
        return std::vector<Tensor>{y, labels};
      }};
}

}  // namespace

std::vector<OpCase> training_cases() {
  std::vector<OpCase> cases;
  cases.push_back(dropout_case("half of a map", {3, 2, 3, 5}, 0.5));
  cases.push_back(dropout_case("a tenth of a row", {1, 37}, 0.1));
  cases.push_back(dropout_case("one value a sample", {9, 1}, 0.3));
  cases.push_back(dropout_case("none", {2, 3}, 0.0));
  return cases;
}

std::vector<KernelCase> training_kernel_cases() {
  std::vector<KernelCase> cases;
  for (const bool nesterov : {false, true}) {
    for (const bool masked : {false, true}) cases.push_back(sgd_case(nesterov, masked));
  }
  for (const bool masked : {false, true}) cases.push_back(adam_case(masked));
  cases.push_back(augment_case("none", {}, {3, 4, 5, 3}, {2, 0, 0, 1}));
  cases.push_back(augment_case("shift, flip and cut", {2, false, true, 3}, {4, 7, 5, 3}, {3, 1, 0, 2, 1}));
  cases.push_back(augment_case("mean outside, one channel", {3, true, true, 0}, {5, 5, 5, 1}, {4, 3, 2, 1, 0}));
  cases.push_back(augment_case("more than one block an image", {4, false, true, 9}, {2, 41, 37, 3}, {1, 0}));
  return cases;
}

}  // namespace pliant::test
