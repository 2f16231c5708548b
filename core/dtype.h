// Element types, and the two 16-bit floats as plain storage structs: arithmetic always happens in float or double.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <ostream>
#include <type_traits>

#include "core/check.h"
#include "core/gpu/annotations.h"

namespace pliant {

enum class DType : std::uint8_t { f32, f64, bf16, f16, i32, u8 };

// bfloat16: the upper half of an IEEE float. Conversion rounds to nearest even; NaN stays NaN.
struct BFloat16 {
  std::uint16_t bits;
};

// IEEE binary16. Conversion rounds to nearest even, overflows to infinity, keeps subnormals and NaN.
struct Half {
  std::uint16_t bits;
};

PLIANT_HOST_DEVICE inline float to_float(float x) { return x; }
PLIANT_HOST_DEVICE inline float to_float(BFloat16 x) { return std::bit_cast<float>(static_cast<std::uint32_t>(x.bits) << 16); }
PLIANT_HOST_DEVICE inline float to_float(Half x) {
#if defined(__CUDA_ARCH__)  // the instructions round alike; only the bits of a NaN differ
  float value;
  asm("cvt.f32.f16 %0, %1;" : "=f"(value) : "h"(x.bits));
  return value;
#else
  const std::uint32_t sign = static_cast<std::uint32_t>(x.bits & 0x8000u) << 16;
  const std::uint32_t magnitude = x.bits & 0x7fffu;
  if (magnitude >= 0x7c00u) return std::bit_cast<float>(sign | 0x7f800000u | ((magnitude & 0x3ffu) << 13));
  // A half is a float with 5 instead of 8 exponent bits: place the bits and rescale, exact for subnormals too.
  const float scaled = std::bit_cast<float>(magnitude << 13) * 5.192296858534828e+33f;  // 2^112
  return std::bit_cast<float>(sign | std::bit_cast<std::uint32_t>(scaled));
#endif
}

template <class T>
PLIANT_HOST_DEVICE inline T from_float(float x);
template <>
PLIANT_HOST_DEVICE inline float from_float<float>(float x) {
  return x;
}
template <>
PLIANT_HOST_DEVICE inline BFloat16 from_float<BFloat16>(float x) {
#if defined(__CUDA_ARCH__)
  BFloat16 value;
  asm("cvt.rn.bf16.f32 %0, %1;" : "=h"(value.bits) : "f"(x));
  return value;
#else
  const std::uint32_t bits = std::bit_cast<std::uint32_t>(x);
  if ((bits & 0x7fffffffu) > 0x7f800000u) return {static_cast<std::uint16_t>((bits >> 16) | 0x40u)};
  return {static_cast<std::uint16_t>((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16)};
#endif
}
template <>
PLIANT_HOST_DEVICE inline Half from_float<Half>(float x) {
#if defined(__CUDA_ARCH__)
  Half value;
  asm("cvt.rn.f16.f32 %0, %1;" : "=h"(value.bits) : "f"(x));
  return value;
#else
  const std::uint32_t bits = std::bit_cast<std::uint32_t>(x);
  const auto sign = static_cast<std::uint16_t>((bits >> 16) & 0x8000u);
  const std::uint32_t magnitude = bits & 0x7fffffffu;
  if (magnitude > 0x7f800000u) return {static_cast<std::uint16_t>(sign | 0x7e00u)};
  if (magnitude >= 0x47800000u) return {static_cast<std::uint16_t>(sign | 0x7c00u)};  // 2^16 and above
  if (magnitude < 0x38800000u) {  // below the smallest normal half: one float addition rounds to multiples of 2^-24
    const float shifted = std::bit_cast<float>(magnitude) + 0.5f;
    return {static_cast<std::uint16_t>(sign | (std::bit_cast<std::uint32_t>(shifted) - 0x3f000000u))};
  }
  const std::uint32_t rounded = magnitude + 0xfffu + ((magnitude >> 13) & 1u) - 0x38000000u;
  return {static_cast<std::uint16_t>(sign | (rounded >> 13))};
#endif
}

template <class T>
inline constexpr DType dtype_of = [] { static_assert(sizeof(T) == 0, "not an element type"); }();
template <>
inline constexpr DType dtype_of<float> = DType::f32;
template <>
inline constexpr DType dtype_of<double> = DType::f64;
template <>
inline constexpr DType dtype_of<BFloat16> = DType::bf16;
template <>
inline constexpr DType dtype_of<Half> = DType::f16;
template <>
inline constexpr DType dtype_of<std::int32_t> = DType::i32;
template <>
inline constexpr DType dtype_of<std::uint8_t> = DType::u8;

constexpr std::size_t bytes_of(DType dtype) {
  switch (dtype) {
    case DType::f64: return 8;
    case DType::f32:
    case DType::i32: return 4;
    case DType::bf16:
    case DType::f16: return 2;
    case DType::u8: return 1;
  }
  return 0;
}

constexpr const char* name_of(DType dtype) {
  switch (dtype) {
    case DType::f32: return "f32";
    case DType::f64: return "f64";
    case DType::bf16: return "bf16";
    case DType::f16: return "f16";
    case DType::i32: return "i32";
    case DType::u8: return "u8";
  }
  return "?";
}

// What biases, gradients of parameters and other long sums have beside tensors of this dtype.
constexpr DType accumulation_dtype(DType dtype) { return dtype == DType::f64 ? DType::f64 : DType::f32; }

constexpr bool is_16_bit(DType dtype) { return dtype == DType::bf16 || dtype == DType::f16; }

inline std::ostream& operator<<(std::ostream& out, DType dtype) { return out << name_of(dtype); }

template <class T>
struct Tag {
  using type = T;
};

// Calls f(Tag<T>{}) with the C++ type of a CPU float tensor. Usage: using T = typename decltype(tag)::type;
template <class F>
decltype(auto) dispatch_cpu(DType dtype, const char* op, F&& f) {
  switch (dtype) {
    case DType::f32: return f(Tag<float>{});
    case DType::f64: return f(Tag<double>{});
    default: throw ShapeError(cat(op, ": the CPU computes in f32 or f64, got ", dtype));
  }
}

// The type in which the elements of a tensor of T are computed with, and the way there and back (rounding to nearest even).
template <class T>
using Wide = std::conditional_t<std::is_same_v<T, double>, double, float>;
template <class T>
inline Wide<T> widened(T x) {
  if constexpr (std::is_same_v<T, double>) {
    return x;
  } else {
    return to_float(x);
  }
}
template <class T>
inline T narrowed(Wide<T> x) {
  if constexpr (std::is_same_v<T, double>) {
    return x;
  } else {
    return from_float<T>(x);
  }
}

// dispatch_cpu for loops that are written for every storage type of activations, with widened() and narrowed().
template <class F>
decltype(auto) dispatch_cpu_storage(DType dtype, const char* op, F&& f) {
  if (dtype == DType::bf16) return f(Tag<BFloat16>{});
  if (dtype == DType::f16) return f(Tag<Half>{});
  return dispatch_cpu(dtype, op, f);
}

// The same for storage types of GPU kernels, which all accumulate in float.
template <class F>
decltype(auto) dispatch_gpu(DType dtype, const char* op, F&& f) {
  switch (dtype) {
    case DType::f32: return f(Tag<float>{});
    case DType::bf16: return f(Tag<BFloat16>{});
    case DType::f16: return f(Tag<Half>{});
    default: throw ShapeError(cat(op, ": the GPU computes in f32, bf16 or f16, got ", dtype));
  }
}

}  // namespace pliant
