#include "kernels/exit_routing.h"

#include <doctest/doctest.h>

#include <cmath>

#include "tests/support/backends.h"
#include "tests/support/compare.h"

namespace pliant::test {

namespace {

using Integers = std::vector<std::int32_t>;

Tensor integers(Context& context, const Integers& values) {
  return Tensor::from_host<std::int32_t>(context, {static_cast<std::int64_t>(values.size())}, values);
}

struct Routed {
  Integers left, kept, staying, count, classes, exits;
};

// Six samples; classes and exits hold -7 before.
Routed route(Context& context, const Tensor& scores, const ExitDecision& decision, const Integers& samples, std::int32_t rows) {
  const auto b = static_cast<std::int64_t>(samples.size());
  Integers predictions;
  for (std::int32_t i = 0; i < b; ++i) predictions.push_back(10 + i);
  Tensor left(context, {b}, DType::i32), kept(context, {b}, DType::i32), staying(context, {b}, DType::i32), count(context, {1}, DType::i32);
  Tensor classes = integers(context, Integers(6, -7)), exits = integers(context, Integers(6, -7));
  kernels::leave_rows(scores, integers(context, predictions), decision, integers(context, samples), integers(context, {rows}), left, kept, staying,
                      count, classes, exits);
  const auto host = [](const Tensor& tensor) { return tensor.to_host<std::int32_t>(); };
  return {host(left), host(kept), host(staying), host(count), host(classes), host(exits)};
}

}  // namespace

TEST_CASE("leave_rows: the sure rows leave their answers and the others move up") {
  on_every_backend([](Context& context, DType dtype, double) {
    const Tensor scores = make_tensor(context, {5}, dtype, {0.5, 0.125, std::nan(""), 0.2, 0.0});
    const Routed routed = route(context, scores, {.threshold = 0.25, .below = true, .exit = 2}, {5, 0, 3, 2, 4}, 4);
    CHECK(routed.left == Integers{-1, 0, -1, 2, -1});
    CHECK(routed.kept == Integers{0, 2, -1, -1, -1});
    CHECK(routed.staying == Integers{5, 3, -1, -1, -1});
    CHECK(routed.count == Integers{2});
    CHECK(routed.classes == Integers{11, -7, 13, -7, -7, -7});
    CHECK(routed.exits == Integers{2, -7, 2, -7, -7, -7});
    const Routed above = route(context, scores, {.threshold = 0.125, .below = false, .exit = 0}, {5, 0, 3, 2, 4}, 9);
    CHECK(above.staying == Integers{0, 3, 4, -1, -1});
    CHECK(above.exits == Integers{-7, -7, 0, -7, -7, 0});
    const Routed equal = route(context, scores, {.threshold = 0.125, .below = true, .exit = 0}, {5, 0, 3, 2, 4}, 5);
    CHECK(equal.staying == Integers{5, 0, 3, 2, -1});
  });
}

TEST_CASE("leave_rows: without scores every row leaves and without rows nobody does") {
  on_every_backend([](Context& context, DType dtype, double) {
    const Routed all = route(context, {}, {.exit = 1}, {2, 1, 0}, 2);
    CHECK(all.count == Integers{0});
    CHECK(all.left == Integers{2, 1, -1});
    CHECK(all.classes == Integers{-7, 11, 10, -7, -7, -7});
    const Routed none = route(context, make_tensor(context, {2}, dtype, {0.0, 0.0}), {.threshold = 1.0}, {2, 1}, 0);
    CHECK(none.count == Integers{0});
    CHECK(none.kept == Integers{-1, -1});
    CHECK(none.exits == Integers(6, -7));
    const Routed empty = route(context, {}, {}, {}, 3);
    CHECK(empty.count == Integers{0});
    CHECK(empty.exits == Integers(6, -7));
  });
}

TEST_CASE("leave_rows: a sample outside is an error on the CPU and left out on a GPU") {
  on_every_backend([](Context& context, DType, double) {
    const Integers samples = {1, 6, -1};
    if (context.backend() == Backend::cpu) {
      Tensor left = integers(context, Integers(3, -9)), kept = left.clone(), staying = left.clone(), count = integers(context, {-9});
      Tensor classes = integers(context, Integers(6, -7)), exits = classes.clone();
      CHECK_THROWS_WITH_AS(kernels::leave_rows({}, left, {}, integers(context, samples), integers(context, {3}), left, kept, staying, count, classes, exits),
                           doctest::Contains("samples[1] = 6 is outside 0..5"), DataError);
      for (const Tensor& list : {left, kept, staying, count}) CHECK(list.to_host<std::int32_t>()[0] == -9);
      for (const Tensor& answers : {classes, exits}) CHECK(answers.to_host<std::int32_t>() == Integers(6, -7));
      return;
    }
    const Routed routed = route(context, {}, {.exit = 4}, samples, 3);
    CHECK(routed.left == Integers{1, -1, -1});
    CHECK(routed.exits == Integers{-7, 4, -7, -7, -7, -7});
  });
}

TEST_CASE("leave_rows: lists of another length are refused by name") {
  Context& context = cpu();
  Tensor three = integers(context, {0, 1, 2}), two = integers(context, {0, 1}), one = integers(context, {3}), other = integers(context, {0});
  CHECK_THROWS_WITH_AS(kernels::leave_rows({}, two, {}, three, one, three, three, three, other, three, three), doctest::Contains("predictions must be"),
                       ShapeError);
  CHECK_THROWS_WITH_AS(kernels::leave_rows({}, three, {}, three, one, three, three, three, two, three, three), doctest::Contains("count must be"),
                       ShapeError);
  CHECK_THROWS_WITH_AS(kernels::leave_rows({}, three, {}, three, one, three, three, three, other, three, two), doctest::Contains("exits must be"),
                       ShapeError);
}

}  // namespace pliant::test
