// The checks of the table of operations, as an application uses them for an operation of its own: what is right passes, and each way to be
// wrong is named.
#include "layers/op_cases/check.h"

#include <doctest/doctest.h>

#include <cmath>

#include "kernels/elementwise.h"
#include "layers/op_cases/values.h"
#include "tests/support/contexts.h"

namespace pliant::test {

namespace {

bool names(const CheckResult& result, const std::string& text) { return result.message.find(text) != std::string::npos; }

// y = forward x, whose gradient claims the factor `backward`; both as functions of the tensor, so that one backend or type can be wrong.
using Factor = std::function<double(const Tensor&)>;
OpCase scaled(Factor forward, Factor backward) {
  return {"scaled: by a factor", {{5}}, [=](const std::vector<Var>& x) {
            Tensor y = Tensor::like(x[0].value);
            kernels::scale(x[0].value, forward(x[0].value), y);
            return record("scaled", {&x[0]}, y, [in = x[0].slot, backward](const Tensor& dy, Gradients& grads) {
              Tensor dx = Tensor::like(dy);
              kernels::scale(dy, backward(dy), dx);
              grads.add(in, dx);
            });
          }};
}

double three(const Tensor&) { return 3.0; }

// What y() makes of the input, with dx() of the input and dy as the gradient; no gradient where dx() is none.
OpCase made(std::function<Tensor(const Tensor& x)> y, std::function<Tensor(const Tensor& x, const Tensor& dy)> dx) {
  return {"made", {{4}}, [=](const std::vector<Var>& x) {
            return record("made", {&x[0]}, y(x[0].value), [x0 = x[0].value, in = x[0].slot, dx](const Tensor& dy, Gradients& grads) {
              if (const Tensor gradient = dx(x0, dy)) grads.add(in, gradient);
            });
          }};
}

Tensor same(const Tensor& x) { return x.clone(); }
Tensor zeros(const Tensor& x, const Tensor&) { return Tensor::zeros_like(x); }

}  // namespace

TEST_CASE("checks of operations: a right one passes everywhere and says how near it came") {
  const CheckResult result = check_operation(scaled(three, three));
  CHECK_MESSAGE(result.right(), result.message);
  CHECK(result.error <= result.limit);
  // One gradient in double; y and gradient in f32 on the CPU and on every GPU context, and four times in 16 bits.
  CHECK(result.comparisons == 1 + 2 * (1 + gpu_contexts().size() + 4));
  CHECK(names(result, "scaled: by a factor"));
}

TEST_CASE("checks of operations: a wrong gradient is named with its input and both values") {
  const CheckResult result = check_operation(scaled(three, [](const Tensor&) { return 3.03; }));
  CHECK_FALSE(result.right());
  CHECK(names(result, "scaled: by a factor, f64 on cpu, gradient of input 0: element "));
  CHECK(names(result, "from backward()"));
  CHECK(result.error > 1e-3);
}

TEST_CASE("checks of operations: a kernel that is wrong on the GPU alone is found there") {
  const Factor wrong = [](const Tensor& x) { return x.context().backend() == Backend::gpu ? 3.001 : 3.0; };
  CheckResult result = check_operation(scaled(wrong, three));
  CHECK_FALSE(result.right());
  CHECK((names(result, "f32 on emulated, ") || names(result, "f32 on cuda")));
  CHECK(names(result, ", y: element "));
  result = check_operation(scaled(three, wrong));
  CHECK_FALSE(result.right());
  CHECK(names(result, "gradient of input 0: element "));
}

TEST_CASE("checks of operations: what is wrong in 16 bits alone is found there") {
  const OpCase op = scaled([](const Tensor& x) { return x.dtype() == DType::f16 ? 3.1 : 3.0; }, three);
  CHECK(check_against_double(op, cpu(), DType::f32).right());
  CHECK(check_against_double(op, cpu(), DType::bf16).right());
  const CheckResult result = check_operation(op);
  CHECK_FALSE(result.right());
  CHECK(names(result, ", f16 on "));
}

TEST_CASE("checks of operations: NaN and results of another shape or type are wrong whatever the limit") {
  OpCase nan = scaled([](const Tensor& x) { return x.dtype() == DType::f32 ? std::nan("") : 3.0; }, three);
  nan.tolerance = 1e30;
  CHECK_FALSE(check_against_double(nan, cpu(), DType::f32).right());
  CHECK_FALSE(check_operation(nan).right());

  const OpCase other = made([](const Tensor& x) { return x.dtype() == DType::f64 ? x.clone() : x.rows(0, 3).clone(); }, zeros);
  const CheckResult shape = check_against_double(other, cpu(), DType::f32);
  CHECK(std::isinf(shape.error));
  CHECK(names(shape, "f32 [3] on cpu, expected f64 [4] on cpu"));

  const OpCase wide = made([](const Tensor& x) { return Tensor::zeros(x.context(), {4}); }, zeros);
  const CheckResult type = check_against_double(wide, cpu(), DType::bf16);
  CHECK_FALSE(type.right());
  CHECK(names(type, "f32 [4] on cpu, expected bf16"));
}

TEST_CASE("checks of operations: a gradient that only one version has or that has another shape is wrong") {
  const OpCase half = made(same, [](const Tensor& x, const Tensor& dy) { return x.dtype() == DType::f64 ? dy : Tensor(); });
  const CheckResult missing = check_against_double(half, cpu(), DType::f32);
  CHECK(std::isinf(missing.error));
  CHECK(names(missing, "gradient of input 0: no tensor, expected f64 [4] on cpu"));
  const CheckResult shape = check_gradient(made(same, [](const Tensor&, const Tensor& dy) { return dy.rows(0, 2); }));
  CHECK(std::isinf(shape.error));
  CHECK(names(shape, "f64 [2] on cpu, expected [4]"));
}

TEST_CASE("checks of operations: an exception becomes a message and nothing compared is wrong") {
  const CheckResult thrown = check_operation({"throws", {{2}}, [](const std::vector<Var>&) -> Var { throw ShapeError("two are too few"); }});
  CHECK_FALSE(thrown.right());
  CHECK(std::isinf(thrown.error));
  CHECK(names(thrown, "throws, f64 on cpu: two are too few"));
  CHECK_FALSE(CheckResult{}.right());
  const CheckResult nothing = check_operation(KernelCase{"empty", [](Context&, DType) { return PreparedKernel{{}, [] {}}; }});
  CHECK_FALSE(nothing.right());
  CHECK(names(nothing, "nothing to compare"));
}

TEST_CASE("checks of operations: outputs of kernels are compared by number") {
  const auto run = [](bool wrong) {
    return KernelCase{"pair", [wrong](Context& context, DType dtype) {
                        const Tensor x = random_tensor(context, {7}, dtype, 1);
                        Tensor y = Tensor::like(x);
                        const double factor = wrong && dtype == DType::f32 ? 2.01 : 2.0;
                        return PreparedKernel{{x, y}, [=]() mutable { kernels::scale(x, factor, y); }};
                      }};
  };
  CHECK(check_operation(run(false)).comparisons == 2 * (1 + gpu_contexts().size()));
  CHECK(check_operation(run(false)).right());
  const CheckResult wrong = check_operation(run(true));
  CHECK_FALSE(wrong.right());
  CHECK(names(wrong, "pair, f32 on cpu, output 1: element "));
  CHECK_THROWS_AS(check_against_double(run(false), cpu(), DType::bf16), ConfigError);
}

TEST_CASE("checks of operations: the worst of several results is the one with the largest share of its limit") {
  CheckResult all;
  all.add({0.5, 1.0, "half", 1});
  all.add({0.2, 10.0, "little", 2});
  CHECK(all.message == "half");
  all.add({1e-9, 0.0, "not equal", 1});
  CHECK(all.message == "not equal");
  all.add({0.9, 1.0, "nearly", 1});
  CHECK(all.message == "not equal");
  CHECK(all.comparisons == 5);
  CHECK_FALSE(all.right());
}

}  // namespace pliant::test
