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

OpCase max_pool_case(const std::string& name, const Shape& x, const PoolGeometry& geometry) {
  OpCase one{"max pool: " + name, {x}, [geometry](const std::vector<Var>& in) { return max_pool(in[0], geometry); }};
  one.work.reread = one.work.kept = pool_output_shape(x, geometry).size();  // which pixel it was
  return one;
}

OpCase average_pool_case(const std::string& name, const Shape& x, const PoolGeometry& geometry) {
  return {"average pool: " + name, {x}, [geometry](const std::vector<Var>& in) { return average_pool(in[0], geometry); }};
}

OpCase global_average_pool_case(const Shape& x) {
  return {cat("global average pool: ", x), {x}, [](const std::vector<Var>& in) { return global_average_pool(in[0]); }};
}

OpCase response_norm_case(const Shape& x, const LocalResponseNorm& options) {
  OpCase one{cat("local response norm: ", x[3], " channels, size ", options.size, ", beta ", options.beta), {x}, [options](const std::vector<Var>& in) {
               return local_response_norm(in[0], options);
             }};
  one.low = -3.0, one.high = 3.0;
  one.roundings = 4.0;               // the gradient reads the rounded y
  one.work.reread = x.size();        // the base b of the power
  one.work.kept = 3 * x.size();      // x, y, b
  return one;
}

}  // namespace

std::vector<OpCase> pool_cases() {
  std::vector<OpCase> cases;
  for (const auto& [name, shape, geometry] : kGeometries) {
    cases.push_back(max_pool_case(name, shape, geometry));
    cases.push_back(average_pool_case(name, shape, geometry));
  }
  for (const Shape& shape : {Shape{2, 3, 5, 7}, Shape{1, 1, 1, 1}, Shape{3, 4, 4, 33}, Shape{1, 9, 8, 4}}) {
    cases.push_back(global_average_pool_case(shape));
  }
  return cases;
}

std::vector<OpCase> local_response_norm_cases() {
  std::vector<OpCase> cases;
  for (const std::int64_t c : {1, 3, 7}) {
    for (const int size : {3, 5}) {
      for (const double beta : {0.75, 0.6}) cases.push_back(response_norm_case({2, 3, 1, c}, {size, 0.2, beta, 1.5}));
    }
  }
  return cases;
}

std::vector<OpFamily> pool_families() {
  const std::vector<Sizes> maps = {{128, 32, 32, 64}};
  std::vector<OpFamily> families;
  families.push_back({"max pool 2x2", "NxHxWxC", maps, [](const Sizes& s) { return max_pool_case(cat("2x2 of ", shape_of(s)), shape_of(s), {2, 2}); }});
  families.push_back({"max pool 3x3 stride 2", "NxHxWxC", maps,
                      [](const Sizes& s) { return max_pool_case(cat("3x3 stride 2 of ", shape_of(s)), shape_of(s), {3, 2, 1}); }});
  families.push_back(
      {"average pool 2x2", "NxHxWxC", maps, [](const Sizes& s) { return average_pool_case(cat("2x2 of ", shape_of(s)), shape_of(s), {2, 2}); }});
  families.push_back({"global average pool", "NxHxWxC", maps, [](const Sizes& s) { return global_average_pool_case(shape_of(s)); }});
  families.push_back({"local response norm", "NxHxWxC", {{128, 16, 16, 64}}, [](const Sizes& s) {
                        return response_norm_case(shape_of(s), {5, 1e-4, 0.75, 1.0});
                      }});
  return families;
}

}  // namespace pliant
