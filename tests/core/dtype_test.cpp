#include "core/dtype.h"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>

namespace pliant::test {

TEST_CASE("dtype: every half that is not NaN survives a trip through float") {
  for (std::uint32_t bits = 0; bits < 0x10000u; ++bits) {
    const Half half{static_cast<std::uint16_t>(bits)};
    const float wide = to_float(half);
    if (std::isnan(wide)) {
      CHECK((bits & 0x7fffu) > 0x7c00u);
      CHECK(std::isnan(to_float(from_float<Half>(wide))));
    } else if (from_float<Half>(wide).bits != bits) {
      FAIL("half ", bits, " came back as ", from_float<Half>(wide).bits);
    }
  }
}

TEST_CASE("dtype: every bfloat16 that is not NaN survives a trip through float") {
  for (std::uint32_t bits = 0; bits < 0x10000u; ++bits) {
    const float wide = to_float(BFloat16{static_cast<std::uint16_t>(bits)});
    if (std::isnan(wide)) {
      CHECK(std::isnan(to_float(from_float<BFloat16>(wide))));
    } else if (from_float<BFloat16>(wide).bits != bits) {
      FAIL("bfloat16 ", bits, " came back as ", from_float<BFloat16>(wide).bits);
    }
  }
}

TEST_CASE("dtype: conversion rounds to nearest even and overflows to infinity") {
  CHECK(from_float<Half>(1.0f).bits == 0x3c00);
  CHECK(from_float<Half>(1.0f + 0x1p-11f).bits == 0x3c00);             // half way, down to even
  CHECK(from_float<Half>(1.0f + 0x3p-11f).bits == 0x3c02);             // half way, up to even
  CHECK(from_float<Half>(65504.0f).bits == 0x7bff);
  CHECK(from_float<Half>(65519.9f).bits == 0x7bff);
  CHECK(from_float<Half>(65520.0f).bits == 0x7c00);
  CHECK(from_float<Half>(-1e9f).bits == 0xfc00);
  CHECK(from_float<Half>(0x1p-24f).bits == 1);                         // the smallest subnormal
  CHECK(from_float<Half>(0x1p-25f).bits == 0);                         // half of it, to even
  CHECK(from_float<Half>(0x1.8p-24f).bits == 2);
  CHECK(from_float<Half>(-0.0f).bits == 0x8000);
  CHECK(from_float<BFloat16>(1.0f + 0x1p-8f).bits == 0x3f80);
  CHECK(from_float<BFloat16>(1.0f + 0x3p-8f).bits == 0x3f82);
  CHECK(from_float<BFloat16>(std::numeric_limits<float>::max()).bits == 0x7f80);
}

TEST_CASE("dtype: names and sizes") {
  CHECK(bytes_of(DType::f64) == 8);
  CHECK(bytes_of(DType::bf16) == 2);
  CHECK(bytes_of(DType::u8) == 1);
  CHECK(cat(DType::bf16) == "bf16");
  CHECK_THROWS_WITH_AS(dispatch_cpu(DType::f16, "op", [](auto) {}), "op: the CPU computes in f32 or f64, got f16", ShapeError);
  CHECK_THROWS_AS(dispatch_gpu(DType::f64, "op", [](auto) {}), ShapeError);
}

}  // namespace pliant::test
