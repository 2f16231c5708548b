#include "core/memory_ops.h"
#include "kernels/exit_routing.h"
#include "kernels/exits.h"
#include "layers/op_cases/families.h"
#include "layers/op_cases/values.h"

namespace pliant {

namespace {

constexpr ConfidenceMeasure kMeasures[] = {ConfidenceMeasure::entropy, ConfidenceMeasure::max_probability, ConfidenceMeasure::margin};

KernelCase confidence_case(std::int64_t n, std::int64_t c, ConfidenceMeasure measure) {
  return {cat("confidence: ", name_of(measure), " of ", n, " rows of ", c), [=](Context& context, DType dtype) -> PreparedKernel {
            const Tensor logits = random_tensor(context, {n, c}, dtype, 51, -6.0, 6.0);
            Tensor scores(context, {n}, dtype), predictions(context, {n}, DType::i32);
            return {{scores, predictions}, [=]() mutable { kernels::confidence(logits, measure, scores, predictions); }};
          }};
}

// The lists of compact_rows, then the rows that stay gathered (as many as came, the rest zeros) and put back.
KernelCase compaction_case(std::int64_t n, double threshold, bool below) {
  return {cat("compact_rows: ", n, " rows, ", below ? "below " : "above ", threshold), [=](Context& context, DType dtype) -> PreparedKernel {
            const Tensor scores = random_tensor(context, {n}, dtype, 52, 0.0, 1.0);
            Tensor kept(context, {n}, DType::i32), left(context, {n}, DType::i32), count(context, {1}, DType::i32);
            Tensor gathered(context, {n}, dtype), back = random_tensor(context, {n}, dtype, 53);
            return {{kept, left, count, gathered, back}, [=]() mutable {
                      kernels::compact_rows(scores, threshold, below, kept, left, count);
                      kernels::gather_rows(scores, kept, gathered);
                      kernels::scatter_rows(gathered, kept, back);
                    }};
          },
          1e-6};
}

// The first `rows` of n rows on the device; samples in the reverse order, so that a row and its sample differ.
KernelCase routing_case(std::int64_t n, std::int32_t rows, double threshold, bool below, bool scored = true) {
  return {cat("leave_rows: ", rows, " of ", n, " rows, ", !scored ? "all of them" : cat(below ? "below " : "above ", threshold)),
          [=](Context& context, DType dtype) -> PreparedKernel {
            std::vector<std::int32_t> reversed, scattered;
            for (std::int32_t i = 0; i < n; ++i) {
              reversed.push_back(static_cast<std::int32_t>(n) - 1 - i);
              scattered.push_back(i * 37 % 101);
            }
            const Tensor samples = Tensor::from_host(context, {n}, reversed), predictions = Tensor::from_host(context, {n}, scattered);
            const Tensor here = Tensor::from_host(context, {1}, std::vector<std::int32_t>{rows});
            const Tensor scores = scored ? random_tensor(context, {n}, dtype, 56, 0.0, 1.0) : Tensor();
            Tensor left(context, {n}, DType::i32), kept(context, {n}, DType::i32), staying(context, {n}, DType::i32), count(context, {1}, DType::i32);
            Tensor classes = Tensor::zeros(context, {n}, DType::i32), exits = Tensor::zeros(context, {n}, DType::i32);
            return {{left, kept, staying, count, classes, exits}, [=]() mutable {
                      kernels::leave_rows(scores, predictions, {threshold, below, 3}, samples, here, left, kept, staying, count, classes, exits);
                    }};
          },
          1e-6};
}

KernelCase rows_case(Shape shape, std::vector<std::int32_t> index) {
  return {cat("gather_rows: of ", shape), [=](Context& context, DType dtype) -> PreparedKernel {
            const Tensor rows = Tensor::from_host<std::int32_t>(context, {static_cast<std::int64_t>(index.size())}, index);
            Shape few = shape;
            few.set(0, rows.size());
            const Tensor x = coarse_tensor(context, shape, dtype, 54);
            Tensor y(context, few, dtype), z = coarse_tensor(context, shape, dtype, 55);
            Tensor numbers(context, shape, DType::i32), some(context, few, DType::i32);
            return {{y, z, some, numbers}, [=]() mutable {
                      kernels::gather_rows(x, rows, y);
                      kernels::scatter_rows(y, rows, z);
                      kernels::fill(numbers, 7.0);
                      kernels::gather_rows(numbers, rows, some);
                      kernels::scatter_rows(some, rows, numbers);
                    }};
          },
          1e-6, 1.0};
}

}  // namespace

std::vector<KernelCase> exits_kernel_cases() {
  std::vector<KernelCase> cases;
  for (const ConfidenceMeasure measure : kMeasures) {
    for (const std::int64_t c : {1, 2, 31, 33, 100}) cases.push_back(confidence_case(5, c, measure));
    cases.push_back(confidence_case(1, 10, measure));
  }
  for (const std::int64_t n : {1, 31, 33, 255, 256, 257, 1025}) {
    cases.push_back(compaction_case(n, 0.5, n % 2 == 0));
  }
  cases.push_back(compaction_case(2500, 0.3, true));
  cases.push_back(compaction_case(65, -1.0, true));
  cases.push_back(compaction_case(65, -1.0, false));
  for (const std::int64_t n : {1, 31, 33, 255, 256, 257, 1025}) {
    cases.push_back(routing_case(n, static_cast<std::int32_t>((n + 1) / 2), 0.4, n % 2 == 0));
    cases.push_back(routing_case(n, static_cast<std::int32_t>(n), 0.6, n % 2 == 1));
  }
  cases.push_back(routing_case(65, 0, 0.5, true));
  cases.push_back(routing_case(65, 1000, -1.0, true));
  cases.push_back(routing_case(65, 64, -1.0, false));
  cases.push_back(routing_case(300, 270, 0.0, true, false));
  cases.push_back(rows_case({5, 3, 2, 7}, {4, -1, 0, 2}));
  cases.push_back(rows_case({300, 1}, {299, 0, 1}));
  cases.push_back(rows_case({2, 37, 11}, {1, 0}));
  return cases;
}

}  // namespace pliant
