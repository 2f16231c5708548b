// Sums are cut into parts by sizes, never by who computes them: the CPU bodies of Pliant's own give the same bits on any number of threads.
// What oneDNN computes (convolutions and matrix products in f32) may differ in the last bits from one number of threads to another.
#include <doctest/doctest.h>

#include <algorithm>

#include "layers/op_cases/check.h"
#include "tests/support/compare.h"

namespace pliant::test {

namespace {

bool by_onednn(const std::string& name) {
  for (const char* family : {"conv2d", "linear", "matrix product"}) {
    if (name.starts_with(family)) return true;
  }
  return false;
}

bool same_bits(const Tensor& a, const Tensor& b) { return bool(a) == bool(b) && (!a || bit_equal(a, b)); }

bool same_tensors(const std::vector<Tensor>& a, const std::vector<Tensor>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), same_bits);
}

bool same_outcome(const Outcome& a, const Outcome& b) { return same_bits(a.y, b.y) && same_tensors(a.gradients, b.gradients); }

// Calls run(context) on 1, 2 and 3 threads; a new Context sets the number for the whole process. same(first, other) compares.
template <class Run, class Same>
bool same_on_any_number(const Run& run, const Same& same) {
  Context one(Device::cpu, {.threads = 1});
  const auto expected = run(one);
  for (const int threads : {2, 3}) {
    Context context(Device::cpu, {.threads = threads});
    if (!same(expected, run(context))) return false;
  }
  return true;
}

void check_threads(DType dtype) {
  CAPTURE(dtype);
  int compared = 0;
  for (const OpCase& op : op_cases()) {
    if (dtype == DType::f32 && by_onednn(op.name)) continue;
    const std::string name = op.name;
    CAPTURE(name);
    CHECK(same_on_any_number([&](Context& context) { return run_case(context, dtype, op); }, same_outcome));
    ++compared;
  }
  for (const KernelCase& one : kernel_cases()) {
    if (dtype == DType::f32 && by_onednn(one.name)) continue;
    const std::string name = one.name;
    CAPTURE(name);
    const auto outputs = [&](Context& context) {
      const PreparedKernel kernel = one.prepare(context, dtype);
      kernel.run();
      return kernel.outputs;
    };
    CHECK(same_on_any_number(outputs, same_tensors));
    ++compared;
  }
  CHECK(compared > 100);
}

}  // namespace

TEST_CASE("thread identity: every operation of our own has the same bits on any number of threads") { check_threads(DType::f32); }

TEST_CASE("thread identity: in double every operation has") { check_threads(DType::f64); }

}  // namespace pliant::test
