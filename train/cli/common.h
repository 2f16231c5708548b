// What several verbs share: groups of flags, the nets and devices they stand for, and tensors that come from files.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "nets/zoo.h"
#include "train/checkpoint.h"
#include "train/precision.h"

namespace CLI {
class App;
}

namespace pliant::cli {

// True where the argument names a net, false where it names a file. UsageError if it is no net's name and does not look like a
// file (no such file, no "/" and no ".").
bool names_net(const std::string& net_or_file);

struct InitialOptions {
  std::string rule = "he-normal";
  std::uint64_t seed = 1;
};
void add_initial_options(CLI::App& verb, InitialOptions& options);

struct DeviceOptions {
  std::string device = "auto";  // auto: cuda where it can be used, else cpu
  int threads = 0;              // 0: all cores
  std::string plans = "first";  // of the libraries of a CUDA device: first, or timed
};
void add_device_options(CLI::App& verb, DeviceOptions& options);
// In double only the CPU can run; auto then means cpu. Says on stderr what it uses. ConfigError where plans shall be timed on a device
// that has none.
std::unique_ptr<Context> make_context(const DeviceOptions& options, DType dtype = DType::f32);
// For a net that computes in this precision; ConfigError where the device cannot.
std::unique_ptr<Context> make_context(const DeviceOptions& options, Precision precision);

// --precision of a verb that runs a checkpoint: by default that in which the file was trained (f32 for tf32 where there is no CUDA
// device).
void add_compute_precision_option(CLI::App& verb, std::string& precision);
struct OpenedCheckpoint {
  std::unique_ptr<Context> context;
  LoadedNet loaded;
};
// `precision` is the option's text, empty where it was not given.
OpenedCheckpoint open_checkpoint(const DeviceOptions& options, const std::string& file, const std::string& precision);

void add_json_flag(CLI::App& verb, bool& json);
// --precision f32|f64 as text; dtype_from() understands it.
void add_precision_option(CLI::App& verb, std::string& precision);
DType dtype_from(const std::string& precision);

// The tensor `name` [N, C, H, W] (F32 or F64) of a file as a batch [N, H, W, C] of dtype for the net. FileError if it does not fit.
Tensor read_images(Context& context, const SafetensorsReader& reader, const std::string& name, const NetDescription& net, DType dtype);
// The tensor `name` [N] (I32 or I64) as i32. FileError unless there are `count` labels from 0 to classes - 1.
Tensor read_labels(Context& context, const SafetensorsReader& reader, const std::string& name, std::int64_t count, int classes);

// Checks of a flag's value for CLI11: the empty text for a finite number of at least 0 (above 0), else what was expected.
std::string non_negative(const std::string& value);
std::string above_zero(const std::string& value);
std::string seed_value(const std::string& value);  // a whole number below 2^64
std::string svg_path(const std::string& value);

// 1234567 -> "1,234,567".
std::string with_commas(std::int64_t number);

}  // namespace pliant::cli
