#include "train/cli/common.h"

#include <CLI/CLI.hpp>
#include <cmath>
#include <filesystem>
#include <iostream>

#include "train/files/layout.h"
#include "train/files/safetensors_header.h"
#include "train/files/text.h"

namespace pliant::cli {

bool names_net(const std::string& net_or_file) {
  if (is_net_name(net_or_file)) return true;
  std::error_code ignored;
  if (net_or_file.find_first_of("/.") == std::string::npos && !std::filesystem::exists(net_or_file, ignored)) {
    default_description(net_or_file);  // throws and lists the names
  }
  return false;
}

void add_initial_options(CLI::App& verb, InitialOptions& options) {
  std::vector<std::string> rules;
  for (const InitialRule rule : initial_rules()) rules.emplace_back(name_of(rule));
  verb.add_option("--initialisation", options.rule, "rule for the first weights")->check(CLI::IsMember(rules))->capture_default_str();
  verb.add_option("--seed", options.seed, "seed of everything that is drawn")->check(seed_value)->capture_default_str();
}

void add_device_options(CLI::App& verb, DeviceOptions& options) {
  verb.add_option("--device", options.device, "auto takes a CUDA device where there is one, else the CPU")
      ->check(CLI::IsMember({"auto", "cpu", "cuda", "emulated"}))
      ->capture_default_str();
  verb.add_option("--threads", options.threads, "CPU threads (default: all cores)")->check(CLI::Range(1, 1024));
  verb.add_option("--plans", options.plans, "of cuDNN's convolutions: its first choice, or the fastest of several, timed when a shape first comes")
      ->check(CLI::IsMember({"first", "timed"}))
      ->capture_default_str();
}

namespace {

Device device_of(const DeviceOptions& options, DType dtype) {
  if (options.device == "emulated") return Device::emulated;
  std::string why;
  if (options.device == "cuda" || (options.device == "auto" && dtype != DType::f64 && is_usable(Device::cuda, &why))) return Device::cuda;
#if defined(PLIANT_WITH_CUDA)
  if (!why.empty()) std::cerr << "pliant: warning: the CPU computes, since device cuda cannot be used: " << why << "\n";
#endif
  return Device::cpu;
}

std::unique_ptr<Context> make_on(Device device, const DeviceOptions& options, bool tf32) {
  const bool timed = options.plans == "timed";
  PLIANT_REQUIRE(ConfigError, !timed || device == Device::cuda, "--plans timed: device ", name_of(device),
                 " has no plans to time; choose a CUDA device, or leave the flag out");
  auto context = std::make_unique<Context>(
      device, ContextOptions{.threads = options.threads, .tf32 = tf32, .timed_plans = timed, .log_plans = timed});
  std::cerr << "pliant: device " << name_of(device) << ", " << context->threads() << " CPU threads\n";
  return context;
}

}  // namespace

std::unique_ptr<Context> make_context(const DeviceOptions& options, DType dtype) { return make_on(device_of(options, dtype), options, false); }

std::unique_ptr<Context> make_context(const DeviceOptions& options, Precision precision) {
  const Device device = device_of(options, DType::f32);
  require_precision(device, precision);
  return make_on(device, options, precision == Precision::tf32);
}

void add_compute_precision_option(CLI::App& verb, std::string& precision) {
  verb.add_option("--precision", precision, "f32, tf32 (CUDA alone), bf16 or f16 (default: that of the training)")
      ->check(CLI::IsMember(precision_names()));
}

OpenedCheckpoint open_checkpoint(const DeviceOptions& options, const std::string& file, const std::string& precision) {
  Precision chosen = parse_precision(precision.empty() ? read_checkpoint_header(file).info.precision : precision);
  if (precision.empty() && chosen == Precision::tf32 && device_of(options, DType::f32) != Device::cuda) chosen = Precision::f32;
  OpenedCheckpoint opened;
  opened.context = make_context(options, chosen);
  opened.loaded = load_checkpoint(*opened.context, file, DType::f32, compute_dtype(chosen));
  return opened;
}

void add_json_flag(CLI::App& verb, bool& json) { verb.add_flag("--json", json, "print the results as one line of JSON"); }

void add_precision_option(CLI::App& verb, std::string& precision) {
  verb.add_option("--precision", precision, "f32, or f64: the double-precision specification on the CPU")
      ->check(CLI::IsMember({"f32", "f64"}))
      ->capture_default_str();
}

DType dtype_from(const std::string& precision) { return precision == "f64" ? DType::f64 : DType::f32; }

Tensor read_images(Context& context, const SafetensorsReader& reader, const std::string& name, const NetDescription& net, DType dtype) {
  const TensorEntry& entry = reader.at(name);
  PLIANT_REQUIRE(FileError, entry.dtype == "F32" || entry.dtype == "F64", reader.path(), ": tensor ", in_quotes(name),
                 ": expected dtype F32 or F64, got ", entry.dtype);
  const std::vector<std::int64_t>& s = entry.shape;
  const bool fits = s.size() == 4 && s[0] > 0 && s[1] == net.channels && s[2] == net.height && s[3] == net.width;
  PLIANT_REQUIRE(FileError, fits, reader.path(), ": tensor ", in_quotes(name), ": ", net.name, " takes [N, ", net.channels, ", ", net.height,
                 ", ", net.width, "] with at least one sample, got ", shape_text(s));
  const Shape shape{s[0], s[2], s[3], s[1]};
  if (dtype == DType::f64) return Tensor::from_host(context, shape, channels_last<double>(shape, reader.read_double(entry)));
  return Tensor::from_host(context, shape, channels_last<float>(shape, reader.read_float(entry)));
}

Tensor read_labels(Context& context, const SafetensorsReader& reader, const std::string& name, std::int64_t count, int classes) {
  const TensorEntry& entry = reader.at(name);
  PLIANT_REQUIRE(FileError, entry.dtype == "I32" || entry.dtype == "I64", reader.path(), ": tensor ", in_quotes(name),
                 ": expected dtype I32 or I64, got ", entry.dtype);
  PLIANT_REQUIRE(FileError, entry.shape == std::vector<std::int64_t>{count}, reader.path(), ": tensor ", in_quotes(name), ": expected ", count,
                 " labels, one per image, got the shape ", shape_text(entry.shape));
  const std::vector<std::int32_t> labels = reader.read_int32(entry);
  for (const std::int32_t label : labels) {
    PLIANT_REQUIRE(FileError, label >= 0 && label < classes, reader.path(), ": tensor ", in_quotes(name), ": labels are 0 to ", classes - 1,
                   ", got ", label);
  }
  return Tensor::from_host(context, {count}, labels);
}

std::string non_negative(const std::string& value) {
  const auto number = parse_number<double>(value);
  if (number && std::isfinite(*number) && *number >= 0.0) return "";
  return cat("expected a finite number of at least 0, got ", in_quotes(value));
}

std::string above_zero(const std::string& value) {
  const auto number = parse_number<double>(value);
  if (number && std::isfinite(*number) && *number > 0.0) return "";
  return cat("expected a finite number above 0, got ", in_quotes(value));
}

std::string seed_value(const std::string& value) {
  return parse_number<std::uint64_t>(value) ? "" : cat("expected a whole number from 0 to 2^64 - 1, got ", in_quotes(value));
}

std::string svg_path(const std::string& value) {
  return value.ends_with(".svg") ? "" : cat("expected a file that ends in .svg, got ", in_quotes(value));
}

std::string with_commas(std::int64_t number) {
  std::string digits = std::to_string(number);
  for (std::ptrdiff_t at = static_cast<std::ptrdiff_t>(digits.size()) - 3; at > (number < 0 ? 1 : 0); at -= 3) {
    digits.insert(static_cast<std::size_t>(at), ",");
  }
  return digits;
}

}  // namespace pliant::cli
