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
  OpCase one{"gather_channels: " + what, {shape}, [](const std::vector<Var>& x) { return gather_channels(x[0], x[1].value); }};
  one.constants = [index](Context& context, DType) { return std::vector<Tensor>{index_tensor(context, index)}; };
  return one;
}

// Every third channel is off.
OpCase mask_case(std::string name, Shape shape) {
  OpCase one{std::move(name), {shape}, [](const std::vector<Var>& x) { return mask_channels(x[0], x[1].value); }};
  one.constants = [c = shape[-1]](Context& context, DType dtype) {
    std::vector<double> mask(static_cast<std::size_t>(c), 1.0);
    for (std::size_t i = 0; i < mask.size(); i += 3) mask[i] = 0.0;
    if (c == 1) mask[0] = 1.0;
    return std::vector<Tensor>{make_tensor(context, {c}, accumulation_dtype(dtype), mask)};
  };
  return one;
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

KernelCase channel_sum_case(std::string name, Shape shape) {
  return {std::move(name), [shape](Context& context, DType dtype) -> PreparedKernel {
            const Tensor x = coarse_tensor(context, shape, dtype, 11);
            Tensor sums = random_tensor(context, {shape[-1]}, accumulation_dtype(dtype), 12);
            return {{sums}, [=]() mutable { kernels::channel_sum(x, sums); }, bytes_of({x, sums, sums})};
          },
          1e-5, 1.0};
}

}  // namespace

std::vector<OpCase> channels_cases() {
  std::vector<OpCase> cases;
  cases.push_back(gather_case("a choice in another order", {2, 3, 5}, {4, 0, 2}));
  cases.push_back(gather_case("zeros before and after", {3, 2, 2, 4}, {-1, 0, 1, 2, 3, -1, -1}));
  cases.push_back(gather_case("one channel of one", {1, 1}, {0}));
  cases.push_back(gather_case("zeros alone", {2, 3}, {-1, -1}));
  for (const std::int64_t c : {1, 7, 33}) cases.push_back(mask_case(cat("mask_channels: ", c, " channels"), {3, 2, c}));
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
  for (const auto& [rows, c] : sizes) cases.push_back(channel_sum_case(cat("channel_sum: ", rows, " rows of ", c), {rows, c}));
  // Many tiles of rows, and rows longer than a tile.
  for (const auto& [rows, c] : {std::pair<std::int64_t, std::int64_t>{900, 5}, {2, 2500}}) {
    cases.push_back(
        {cat("scatter_channels: ", rows, " rows of ", c), [rows = rows, c = c](Context& context, DType dtype) -> PreparedKernel {
           Indices index;
           for (std::int64_t j = c - 1; j >= 0; j -= 2) index.push_back(static_cast<std::int32_t>(j));
           const Tensor from = index_tensor(context, index);
           const Tensor dy = coarse_tensor(context, {rows, from.size()}, dtype, 13);
           Tensor dx(context, {rows, c}, dtype), again(context, dy.shape(), dtype);
           return {{dx, again}, [=]() mutable {
                     kernels::scatter_channels(dy, from, dx);
                     kernels::gather_channels(dx, from, again);
                   }};
         },
         1e-5, 1.0});
  }
  return cases;
}

std::vector<OpFamily> channels_families() {
  const std::vector<Sizes> maps = {{128, 32, 32, 64}};
  std::vector<OpFamily> families;
  families.push_back(
      {"mask_channels", "NxHxWxC", maps, [](const Sizes& sizes) { return mask_case(cat("mask_channels of ", shape_of(sizes)), shape_of(sizes)); }});
  families.push_back({"gather_channels", "NxHxWxC", maps, [](const Sizes& sizes) {
                        Indices backwards;
                        for (std::int64_t j = sizes[3] - 1; j >= 0; --j) backwards.push_back(static_cast<std::int32_t>(j));
                        return gather_case(cat("backwards, of ", shape_of(sizes)), shape_of(sizes), backwards);
                      }});
  families.push_back({"concat_channels", "NxHxWxC", maps, [](const Sizes& sizes) {
                        return concat_case(cat("two of ", shape_of(sizes)), {shape_of(sizes), shape_of(sizes)});
                      }});
  families.push_back({"channel_sum", "NxHxWxC", maps, nullptr,
                      [](const Sizes& sizes) { return channel_sum_case(cat("channel_sum of ", shape_of(sizes)), shape_of(sizes)); }});
  return families;
}

}  // namespace pliant
