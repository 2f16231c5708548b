#include "kernels/pool.h"

#include "layers/functional.h"
#include "layers/op_cases/families.h"

namespace pliant {

namespace {

struct NamedGeometry {
  const char* name;
  Shape x;
  PoolGeometry geometry;
};

const NamedGeometry kGeometries[] = {
    {"2x2", {2, 4, 6, 3}, {2, 2}},
    {"2x2 of odd sizes leaves a row out", {1, 5, 3, 17}, {2, 2}},
    {"2x2 of odd sizes, ceil", {1, 5, 3, 17}, {2, 2, 0, true}},
    {"3x3 stride 2", {1, 7, 5, 4}, {3, 2}},
    {"3x3 stride 2, ceil", {1, 6, 8, 2}, {3, 2, 0, true}},
    {"3x3 stride 2, padding 1", {2, 6, 5, 3}, {3, 2, 1}},
    {"3x3 stride 2, padding 1, ceil", {1, 6, 5, 5}, {3, 2, 1, true}},
    {"3x3 stride 2, padding 1, ceil, without padding in the divisor", {1, 6, 5, 5}, {3, 2, 1, true, false}},
    {"3x3 stride 1, padding 1, without padding in the divisor", {1, 4, 4, 1}, {3, 1, 1, false, false}},
    {"1x1 stride 3 skips pixels", {1, 5, 7, 2}, {1, 3}},
    {"window as large as the image", {3, 4, 4, 1}, {4, 4}},
    {"one pixel", {1, 1, 1, 33}, {2, 2, 0, true}},
};

}  // namespace

std::vector<OpCase> pool_cases() {
  std::vector<OpCase> cases;
  for (const auto& [name, shape, geometry] : kGeometries) {
    const PoolGeometry g = geometry;
    cases.push_back({cat("max pool: ", name), {shape}, [g](const std::vector<Var>& x) { return max_pool(x[0], g); }});
    cases.push_back(
        {cat("average pool: ", name), {shape}, [g](const std::vector<Var>& x) { return average_pool(x[0], g); }});
  }
  for (const Shape& shape : {Shape{2, 3, 5, 7}, Shape{1, 1, 1, 1}, Shape{3, 4, 4, 33}, Shape{1, 9, 8, 4}}) {
    cases.push_back({cat("global average pool: ", shape), {shape}, [](const std::vector<Var>& x) {
                       return global_average_pool(x[0]);
                     }});
  }
  return cases;
}

std::vector<OpCase> local_response_norm_cases() {
  std::vector<OpCase> cases;
  for (const std::int64_t c : {1, 3, 7}) {
    for (const int size : {3, 5}) {
      for (const double beta : {0.75, 0.6}) {
        const LocalResponseNorm options{size, 0.2, beta, 1.5};
        OpCase op{cat("local response norm: ", c, " channels, size ", size, ", beta ", beta),
                  {{2, 3, 1, c}},
                  [options](const std::vector<Var>& x) { return local_response_norm(x[0], options); }};
        op.low = -3.0, op.high = 3.0;
        op.roundings = 4.0;  // the gradient reads the rounded y
        cases.push_back(op);
      }
    }
  }
  return cases;
}

}  // namespace pliant
