// Golden values of PyTorch and refused options; the rest is in the table of operations.
#include "kernels/local_response_norm.h"

#include <doctest/doctest.h>

#include <cmath>

#include "layers/functional.h"
#include "tests/support/compare.h"
#include "tests/support/contexts.h"

namespace pliant::test {

namespace {

Tensor wave(const Shape& shape, double step, double start) {
  std::vector<double> values;
  for (std::int64_t i = 0; i < shape.size(); ++i) values.push_back(std::sin(step * static_cast<double>(i) + start));
  return make_tensor(cpu(), shape, DType::f64, values);
}

}  // namespace

// From torch 1.13: local_response_norm(x, size, alpha * size, beta, k).
TEST_CASE("local response norm: values and gradients equal those of PyTorch") {
  struct Golden {
    LocalResponseNorm options;
    std::vector<double> y, dx;
  };
  const Golden golden[] = {
      {{3, 5e-2, 0.75, 2.0},
       {0.278928518861833, 0.56656415208551, 0.023897270324158, -0.553314086051743, -0.31771648426672,
        0.379673375969859, 0.524238572899879, -0.101713752586593, -0.579444235471314, -0.206215804209906,
        0.465795570794904, 0.456648498587192, -0.219990375236087, -0.578020198879043},
       {0.163810246142416, 0.377286263328986, -0.562090784428942, 0.167159563196207, 0.367460251665309,
        -0.55716744123619, 0.196788230994963, 0.382622698964617, -0.557073008177061, 0.208019502670168,
        0.375905037478649, -0.565114468037596, 0.194390210941187, 0.347689533940395}},
      {{5, 0.3, 0.6, 1.0},
       {0.399716842799559, 0.727569716280695, 0.0300667008168322, -0.673936753258002, -0.39541249912157,
        0.471825120740222, 0.717547624409813, -0.145932938956253, -0.768635367594093, -0.258268545115532,
        0.572616791257078, 0.561868862693688, -0.275983905627432, -0.770371768988068},
       {0.182108844753053, 0.415495631323591, -0.708392594744922, 0.134838565884562, 0.398259116220623,
        -0.615733198155165, 0.343947384659117, 0.567566895824284, -0.553074124905461, 0.281255399601909,
        0.374653263200346, -0.55243734247438, 0.193220396138609, 0.238600364237823}}};
  for (const Golden& g : golden) {
    CAPTURE(g.options.size);
    Tape tape;
    const Var x = tape.leaf(wave({2, 1, 1, 7}, 1.3, 0.5)), y = local_response_norm(x, g.options);
    tape.backward({{y, wave({2, 1, 1, 7}, 2.1, 0.3)}});
    CHECK(difference(y.value.to_doubles(), g.y).relative <= 1e-12);
    CHECK(difference(tape.gradient(x).to_doubles(), g.dx).relative <= 1e-12);
  }
}

TEST_CASE("local response norm: wrong options are refused") {
  const Var x{random_tensor(cpu(), {2, 5}, DType::f32, 1)};
  const auto message = [&](const LocalResponseNorm& options) -> std::string {
    try {
      local_response_norm(x, options);
    } catch (const ConfigError& error) {
      return error.what();
    }
    return "nothing thrown";
  };
  CHECK(message({4}).find("size must be odd and at least 1, got 4") != std::string::npos);
  CHECK(message({5, 1e-4, 0.75, 0.0}).find("needs k > 0 and alpha >= 0, got 0 and 0.0001") != std::string::npos);
  CHECK(message({5, -1.0}).find("needs k > 0 and alpha >= 0") != std::string::npos);
}

}  // namespace pliant::test
