// In what precision a net computes. Parameters, their gradients, optimizer states, batch-norm statistics, losses and reductions are f32
// in all of them; checkpoints store f32.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/context.h"
#include "core/dtype.h"

namespace pliant {

enum class Precision : std::uint8_t {
  f32,
  tf32,  // activations and weights in f32, whose factors a CUDA device may round to 10 bits of mantissa
  bf16,  // activations and what multiplies them in bfloat16
  f16    // the same in half; gradients are scaled by a constant, so that small ones do not vanish
};

const char* name_of(Precision precision);                   // "f32", ...
Precision parse_precision(const std::string& name);         // UsageError
std::vector<std::string> precision_names();

DType compute_dtype(Precision precision);                   // of activations and of what multiplies them
double default_loss_scale(Precision precision);             // 1024 for f16, else 1: nothing is scaled

// Throws ConfigError where the device cannot compute so: tf32 needs a CUDA device.
void require_precision(Device device, Precision precision);

}  // namespace pliant
