#include "kernels/cross_entropy.h"
#include "kernels/reduce.h"
#include "layers/functional.h"
#include "layers/op_cases/families.h"
#include "layers/op_cases/values.h"

namespace pliant {

namespace {

Tensor labels_for(Context& context, std::int64_t n, std::int64_t c) {
  std::vector<std::int32_t> labels;
  for (std::int64_t i = 0; i < n; ++i) labels.push_back(static_cast<std::int32_t>((7 * i + 3) % c));
  return Tensor::from_host<std::int32_t>(context, {n}, labels);
}

OpCase label_case(std::int64_t n, std::int64_t c, double smoothing, bool weighted) {
  OpCase one{cat("cross_entropy: ", n, " of ", c, " classes, smoothing ", smoothing, weighted ? ", weighted" : ""),
             {{n, c}},
             [=](const std::vector<Var>& x) {
               Context& context = x[0].value.context();
               const Tensor weights =
                   weighted ? random_tensor(context, {n}, x[0].value.dtype(), 21, 0.0, 2.0) : Tensor();
               return cross_entropy(x[0], {labels_for(context, n, c), {}, weights, smoothing});
             }};
  one.roundings = 0.0;  // of f32 logits alone
  one.low = -3.0, one.high = 3.0;
  return one;
}

OpCase soft_case(std::int64_t n, std::int64_t c, bool weighted) {
  OpCase one{cat("cross_entropy: ", n, " distributions over ", c, weighted ? ", weighted" : ""),
             {{n, c}},
             [=](const std::vector<Var>& x) {
               Context& context = x[0].value.context();
               const DType dtype = x[0].value.dtype();
               const Tensor weights = weighted ? random_tensor(context, {n}, dtype, 21, 0.0, 2.0) : Tensor();
               // Not normalised: the gradient has the sum of the targets in it.
               return cross_entropy(x[0], {{}, random_tensor(context, {n, c}, dtype, 22, 0.0, 1.0), weights, 0.0});
             }};
  one.roundings = 0.0;  // of f32 logits alone
  one.low = -3.0, one.high = 3.0;
  return one;
}

OpCase hinge_case(std::int64_t n, std::int64_t c) {
  OpCase one{cat("squared_hinge: ", n, " of ", c, " classes"), {{n, c}}, [=](const std::vector<Var>& x) {
               return squared_hinge(x[0], labels_for(x[0].value.context(), n, c));
             }};
  one.roundings = 0.0;  // of f32 logits alone
  one.low = -2.0, one.high = 2.0;
  return one;
}

}  // namespace

std::vector<OpCase> loss_cases() {
  std::vector<OpCase> cases;
  for (const std::int64_t c : {1, 2, 10, 100, 1000}) cases.push_back(label_case(1, c, 0.0, false));
  cases.push_back(label_case(3, 10, 0.0, true));
  cases.push_back(label_case(5, 33, 0.1, true));
  cases.push_back(label_case(3, 2, 0.1, false));
  cases.push_back(soft_case(1, 2, false));
  cases.push_back(soft_case(3, 33, true));
  for (const std::int64_t c : {1, 2, 31, 32, 33, 100}) cases.push_back(hinge_case(c == 100 ? 1 : 5, c));
  return cases;
}

std::vector<std::int64_t> sum_sizes() { return {1, 255, 4096, 4097, 20000}; }

std::vector<KernelCase> loss_kernel_cases() {
  std::vector<KernelCase> cases;
  for (const std::int64_t c : {1, 31, 32, 100, 1000}) {
    cases.push_back({cat("softmax: ", c, " classes"), [c](Context& context, DType dtype) {
                       const Tensor z = random_tensor(context, {5, c}, dtype, 23, -8.0, 8.0);
                       Tensor p = Tensor::like(z);
                       kernels::softmax(z, p);
                       return std::vector<Tensor>{p};
                     }});
    cases.push_back({cat("argmax: and the count, ", c, " classes"),
                     [c](Context& context, DType dtype) {
                       const Tensor z = random_tensor(context, {9, c}, dtype, 24);
                       Tensor at(context, {9}, DType::i32), count = Tensor::zeros(context, {1}, DType::i32);
                       kernels::argmax(z, at);
                       kernels::count_correct(z, labels_for(context, 9, c), count);
                       kernels::count_correct(z, at, count);
                       Tensor top5 = Tensor::zeros(context, {1}, DType::i32);
                       kernels::count_top(z, labels_for(context, 9, c), 5, top5);
                       return std::vector<Tensor>{at, count, top5};
                     },
                     0.0});
  }
  for (const std::int64_t size : sum_sizes()) {
    cases.push_back({cat("accumulate_sum: ", size, " values"), [size](Context& context, DType dtype) {
                       const Tensor x = random_tensor(context, {size}, dtype, 25, 0.0, 1.0);
                       Tensor y = random_tensor(context, {1}, dtype, 26), everywhere(context, {300}, dtype);
                       kernels::accumulate_sum(x, 0.25, y);
                       kernels::broadcast(y, -3.0, everywhere);
                       return std::vector<Tensor>{y, everywhere};
                     }});
  }
  return cases;
}

}  // namespace pliant
