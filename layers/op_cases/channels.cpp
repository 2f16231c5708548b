#include "kernels/channels.h"

#include "kernels/pack.h"
#include "layers/functional.h"
#include "layers/op_cases/families.h"
#include "layers/op_cases/values.h"

namespace pliant {

namespace {

using Indices = std::vector<std::int32_t>;

Tensor index_tensor(Context& context, const Indices& index) {
  return Tensor::from_host<std::int32_t>(context, {static_cast<std::int64_t>(index.size())}, index);
}

OpCase gather_case(const std::string& what, Shape shape, Indices index) {
  return {"gather_channels: " + what, {shape}, [index](const std::vector<Var>& x) {
            return gather_channels(x[0], index_tensor(x[0].value.context(), index));
          }};
}

// An empty list takes the whole dimension.
OpCase pack_case(const std::string& what, Shape shape, std::vector<Indices> lists) {
  return {"pack: " + what, {shape}, [lists](const std::vector<Var>& x) {
            std::vector<Tensor> indices;
            for (const Indices& list : lists) {
              indices.push_back(list.empty() ? Tensor() : index_tensor(x[0].value.context(), list));
            }
            // Twice the same parameter: the second contribution must add to the first.
            return add(pack(x[0], indices), pack(scale(x[0], 2.0), indices));
          }};
}

OpCase concat_case(const std::string& what, std::vector<Shape> parts) {
  return {"concat_channels: " + what, std::move(parts), [](const std::vector<Var>& x) { return concat_channels(x); }};
}

}  // namespace

std::vector<OpCase> channels_cases() {
  std::vector<OpCase> cases;
  cases.push_back(gather_case("a choice in another order", {2, 3, 5}, {4, 0, 2}));
  cases.push_back(gather_case("zeros before and after", {3, 2, 2, 4}, {-1, 0, 1, 2, 3, -1, -1}));
  cases.push_back(gather_case("one channel of one", {1, 1}, {0}));
  cases.push_back(gather_case("zeros alone", {2, 3}, {-1, -1}));
  for (const std::int64_t c : {1, 7, 33}) {
    cases.push_back({cat("mask_channels: ", c, " channels"), {{3, 2, c}}, [c](const std::vector<Var>& x) {
                       std::vector<double> mask(static_cast<std::size_t>(c), 1.0);
                       for (std::size_t i = 0; i < mask.size(); i += 3) mask[i] = 0.0;
                       if (c == 1) mask[0] = 1.0;
                       return mask_channels(x[0], make_tensor(x[0].value.context(), {c}, accumulation_dtype(x[0].value.dtype()), mask));
                     }});
  }
  cases.push_back(concat_case("one part", {{5, 3}}));
  cases.push_back(concat_case("parts of 1, 4 and 7", {{2, 3, 3, 1}, {2, 3, 3, 4}, {2, 3, 3, 7}}));
  cases.push_back(pack_case("the first of a vector", {9}, {{0, 1, 2, 3}}));
  cases.push_back(pack_case("runs of filters and channels", {5, 3, 2, 6}, {{0, 1, 4}, {}, {}, {0, 1, 4, 5}}));
  cases.push_back(pack_case("any order in every dimension", {3, 2, 2, 4}, {{2, 0}, {1}, {1, 0}, {3, 1, 2}}));
  cases.push_back(pack_case("a matrix", {4, 7}, {{}, {6, 2}}));
  cases.push_back(pack_case("everything", {2, 3}, {{}, {}}));
  return cases;
}

std::vector<KernelCase> channels_kernel_cases() {
  std::vector<KernelCase> cases;
  const std::pair<std::int64_t, std::int64_t> sizes[] = {{1, 1}, {7, 3}, {64, 10}, {65, 33}, {1030, 5}};
  for (const auto& [rows, c] : sizes) {
    cases.push_back({cat("channel_sum: ", rows, " rows of ", c), [rows = rows, c = c](Context& context, DType dtype) {
                       const Tensor x = coarse_tensor(context, {rows, c}, dtype, 11);
                       Tensor sums = random_tensor(context, {c}, accumulation_dtype(dtype), 12);
                       kernels::channel_sum(x, sums);
                       return std::vector<Tensor>{sums};
                     },
                     1e-5, 1.0});
  }
  // Many tiles of rows, and rows longer than a tile.
  for (const auto& [rows, c] : {std::pair<std::int64_t, std::int64_t>{900, 5}, {2, 2500}}) {
    cases.push_back(
        {cat("scatter_channels: ", rows, " rows of ", c), [rows = rows, c = c](Context& context, DType dtype) {
           Indices index;
           for (std::int64_t j = c - 1; j >= 0; j -= 2) index.push_back(static_cast<std::int32_t>(j));
           const Tensor from = index_tensor(context, index);
           const Tensor dy = coarse_tensor(context, {rows, from.size()}, dtype, 13);
           Tensor dx(context, {rows, c}, dtype), again(context, dy.shape(), dtype);
           kernels::scatter_channels(dy, from, dx);
           kernels::gather_channels(dx, from, again);
           return std::vector<Tensor>{dx, again};
         },
         1e-5, 1.0});
  }
  return cases;
}

}  // namespace pliant
