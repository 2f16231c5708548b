// Is the operation right? One entry per shape gives: its gradient against central differences in double, the fast CPU version and the kernels
// (on the emulator in three thread orders) against the double loops, and all of it again in bf16 and f16.
#include <iostream>

#include "layers/op_cases/check.h"
#include "swish.h"

using namespace pliant;

namespace {

std::vector<OpCase> swish_cases() {
  std::vector<OpCase> cases;
  // Shapes that hurt: one value, one more and one less than a block of 256 threads, channels that are prime.
  for (const Shape& shape : {Shape{1, 1}, Shape{51, 5}, Shape{257, 1}, Shape{2, 3, 5, 7}}) {
    OpCase one{cat("swish: ", shape), {shape, {shape[-1]}}, [](const std::vector<Var>& x) { return own::swish(x[0], x[1]); }};
    one.low = -3.0, one.high = 3.0;
    one.masters = {1};  // slopes stay f32 beside 16 bits
    one.tolerance = 2e-5;
    one.roundings = 4.0;
    cases.push_back(one);
  }
  return cases;
}

}  // namespace

int main() {
  std::size_t comparisons = 0;
  try {
    for (const OpCase& one : swish_cases()) {
      const CheckResult result = check_operation(one);
      PLIANT_REQUIRE(Error, result.right(), result.message);
      comparisons += result.comparisons;
    }
  } catch (const Error& error) {  // a CUDA build without a card says so here
    std::cerr << "check_swish: " << error.what() << "\n";
    return 1;
  }
  std::cout << "swish is right: " << comparisons << " comparisons\n";
  return 0;
}
