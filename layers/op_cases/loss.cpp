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

// Labels, and weights where there are any.
std::function<std::vector<Tensor>(Context&, DType)> labels_and_weights(std::int64_t n, std::int64_t c, bool weighted) {
  return [=](Context& context, DType dtype) {
    return std::vector<Tensor>{labels_for(context, n, c), weighted ? random_tensor(context, {n}, dtype, 21, 0.0, 2.0) : Tensor()};
  };
}

OpCase label_case(std::int64_t n, std::int64_t c, double smoothing, bool weighted) {
  OpCase one{cat("cross_entropy: ", n, " of ", c, " classes, smoothing ", smoothing, weighted ? ", weighted" : ""),
             {{n, c}},
             [=](const std::vector<Var>& x) { return cross_entropy(x[0], {x[1].value, {}, x[2].value, smoothing}); }};
  one.constants = labels_and_weights(n, c, weighted);
  one.roundings = 0.0;  // of f32 logits alone
  one.low = -3.0, one.high = 3.0;
  one.work.reread = one.work.kept = n * c;  // the probabilities
  return one;
}

OpCase soft_case(std::int64_t n, std::int64_t c, bool weighted) {
  OpCase one{cat("cross_entropy: ", n, " distributions over ", c, weighted ? ", weighted" : ""), {{n, c}}, [](const std::vector<Var>& x) {
               return cross_entropy(x[0], {{}, x[1].value, x[2].value, 0.0});
             }};
  one.constants = [=](Context& context, DType dtype) {
    std::vector<Tensor> all = labels_and_weights(n, c, weighted)(context, dtype);
    all[0] = random_tensor(context, {n, c}, dtype, 22, 0.0, 1.0);  // not normalised: the gradient has the sum of the targets in it
    return all;
  };
  one.roundings = 0.0;  // of f32 logits alone
  one.low = -3.0, one.high = 3.0;
  return one;
}

OpCase hinge_case(std::int64_t n, std::int64_t c) {
  OpCase one{cat("squared_hinge: ", n, " of ", c, " classes"), {{n, c}}, [](const std::vector<Var>& x) { return squared_hinge(x[0], x[1].value); }};
  one.constants = labels_and_weights(n, c, false);
  one.roundings = 0.0;  // of f32 logits alone
  one.low = -2.0, one.high = 2.0;
  one.work.kept = n * c;  // the logits
  return one;
}

KernelCase softmax_case(std::string name, std::int64_t n, std::int64_t c) {
  return {std::move(name), [=](Context& context, DType dtype) -> PreparedKernel {
            const Tensor z = random_tensor(context, {n, c}, dtype, 23, -8.0, 8.0);
            Tensor p = Tensor::like(z);
            return {{p}, [=]() mutable { kernels::softmax(z, p); }, bytes_of({z, p})};
          }};
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
    cases.push_back(softmax_case(cat("softmax: ", c, " classes"), 5, c));
    cases.push_back({cat("argmax: and the count, ", c, " classes"),
                     [c](Context& context, DType dtype) -> PreparedKernel {
                       const Tensor z = random_tensor(context, {9, c}, dtype, 24), labels = labels_for(context, 9, c);
                       Tensor at(context, {9}, DType::i32), count = Tensor::zeros(context, {1}, DType::i32), top5 = Tensor::zeros(context, {1}, DType::i32);
                       return {{at, count, top5}, [=]() mutable {
                                 kernels::argmax(z, at);
                                 kernels::count_correct(z, labels, count);
                                 kernels::count_correct(z, at, count);
                                 kernels::count_top(z, labels, 5, top5);
                               }};
                     },
                     0.0});
  }
  for (const std::int64_t size : sum_sizes()) {
    cases.push_back({cat("accumulate_sum: ", size, " values"), [size](Context& context, DType dtype) -> PreparedKernel {
                       const Tensor x = random_tensor(context, {size}, dtype, 25, 0.0, 1.0);
                       Tensor y = random_tensor(context, {1}, dtype, 26), everywhere(context, {300}, dtype);
                       return {{y, everywhere}, [=]() mutable {
                                 kernels::accumulate_sum(x, 0.25, y);
                                 kernels::broadcast(y, -3.0, everywhere);
                               }};
                     }});
  }
  return cases;
}

std::vector<OpFamily> loss_families() {
  return {{"cross_entropy", "NxC", {{128, 10}, {8192, 1000}}, [](const Sizes& s) { return label_case(s[0], s[1], 0.0, false); }},
          {"squared_hinge", "NxC", {{8192, 1000}}, [](const Sizes& s) { return hinge_case(s[0], s[1]); }},
          {"softmax", "NxC", {{8192, 1000}}, nullptr, [](const Sizes& s) { return softmax_case(cat("softmax of ", shape_of(s)), s[0], s[1]); }}};
}

}  // namespace pliant
