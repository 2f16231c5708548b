#include "train/precision.h"

namespace pliant {

namespace {

constexpr Precision kAll[] = {Precision::f32, Precision::tf32, Precision::bf16, Precision::f16};

}  // namespace

const char* name_of(Precision precision) {
  switch (precision) {
    case Precision::f32: return "f32";
    case Precision::tf32: return "tf32";
    case Precision::bf16: return "bf16";
    case Precision::f16: return "f16";
  }
  return "?";
}

Precision parse_precision(const std::string& name) {
  for (const Precision precision : kAll) {
    if (name == name_of(precision)) return precision;
  }
  throw UsageError(cat("precision \"", name, "\": expected f32, tf32, bf16 or f16"));
}

std::vector<std::string> precision_names() {
  std::vector<std::string> names;
  for (const Precision precision : kAll) names.emplace_back(name_of(precision));
  return names;
}

DType compute_dtype(Precision precision) {
  return precision == Precision::bf16 ? DType::bf16 : precision == Precision::f16 ? DType::f16 : DType::f32;
}

double default_loss_scale(Precision precision) { return precision == Precision::f16 ? 1024.0 : 1.0; }

void require_precision(Device device, Precision precision) {
  PLIANT_REQUIRE(ConfigError, precision != Precision::tf32 || device == Device::cuda, "--precision tf32 needs a CUDA device, this is ",
                 name_of(device), "; take f32 or bf16");
}

}  // namespace pliant
