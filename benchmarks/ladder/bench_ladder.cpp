// Checks every step of the ladder, and on a card times it: milliseconds, and the share of the rate of a copy or of a matrix product
// that the same run measured. Without a card it checks over the emulator and prints no times.
#include <CLI/CLI.hpp>
#include <iostream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "benchmarks/ladder/versions.h"
#include "core/check.h"
#include "layers/op_cases/contexts.h"
#include "train/bench/measure.h"

namespace pliant::ladder {

namespace {

struct Options {
  std::string filter;
  bool json = false, check = false, list = false;
};

struct Checked {
  std::size_t comparisons = 0;
  double worst = 0.0;    // the largest difference as a share of its tolerance; above 1 it fails
  std::string where;     // of the worst
};

Checked check(const Version& version, const std::vector<NamedContext>& devices) {
  Checked checked;
  for (const NamedContext& device : devices) {
    for (const Comparison& one : version.check(*device.context)) {
      ++checked.comparisons;
      const double share = one.difference / one.tolerance;
      if (share <= checked.worst) continue;
      checked.worst = share;
      checked.where = cat(device.name, ", ", one.input, ", ", one.where);
    }
  }
  return checked;
}

std::string padded(const std::string& text, std::size_t width) { return text + std::string(width > text.size() ? width - text.size() : 0, ' '); }

std::string fixed(double value, int digits) {
  std::ostringstream out;
  out.setf(std::ios::fixed);
  out.precision(digits);
  out << value;
  return out.str();
}

// Named as the other benchmarks name their columns.
nlohmann::ordered_json row(const std::string& step, const Workload& workload, const Timing& timing) {
  nlohmann::ordered_json one{{"name", step + "/" + workload.name}, {"median_ms", 1e3 * timing.seconds}};
  if (workload.bytes > 0.0) one["gbytes_per_s"] = 1e-9 * timing.bytes_per_s, one["of_copy"] = timing.of_copy;
  if (workload.flops > 0.0) one["gflops_per_s"] = 1e-9 * timing.flops_per_s, one["of_product"] = timing.of_product;
  return one;
}

std::string line(const Workload& workload, const Timing& timing) {
  const bool memory = workload.bytes > 0.0;
  return cat("    ", padded(workload.name, 44), padded(fixed(1e3 * timing.seconds, 3) + " ms", 14),
             memory ? fixed(1e-9 * timing.bytes_per_s, 0) + " GB/s, " : fixed(1e-9 * timing.flops_per_s, 0) + " GFLOP/s, ",
             fixed(100.0 * (memory ? timing.of_copy : timing.of_product), 1), memory ? " % of a copy" : " % of the product");
}

std::vector<Version> chosen(const std::string& filter) {
  std::vector<Version> all = versions();
  std::erase_if(all, [&](const Version& one) { return (one.operation + "/" + one.step).find(filter) == std::string::npos; });
  PLIANT_REQUIRE(UsageError, !all.empty(), "--filter ", filter, " is part of no OPERATION/STEP; --list names them");
  return all;
}

int run(const Options& options) {
  const std::vector<Version> steps = chosen(options.filter);
  if (options.list) {
    for (const Version& one : steps) std::cout << one.operation << "/" << one.step << "\n";
    return 0;
  }
  const std::vector<NamedContext> devices = gpu_contexts();
  Context& context = *devices.front().context;
  const bool timed = context.device() == Device::cuda && !options.check;
  const std::string mode = timed ? "checked and timed" : context.device() == Device::cuda ? "checked, not timed"
                                                       : "no GPU: correctness only, over the emulator in three thread orders; no times";
  nlohmann::ordered_json all{{"mode", mode}, {"timed", timed}};
  if (!options.json) std::cout << mode << "\n";
  double product = 0.0;
  if (timed) {
    product = product_rate(context);
    all["product_gflops_per_s"] = 1e-9 * product;
    if (!options.json) std::cout << "product of 4096 x 4096 x 4096: " << fixed(1e-9 * product, 0) << " GFLOP/s\n";
  }
  all["steps"] = nlohmann::ordered_json::array();
  all["rows"] = nlohmann::ordered_json::array();
  bool passed = true;
  for (const Version& version : steps) {
    const Checked checked = check(version, devices);
    const bool right = checked.comparisons > 0 && checked.worst <= 1.0;
    passed = passed && right;
    const std::string name = version.operation + "/" + version.step;
    all["steps"].push_back({{"step", name}, {"right", right}, {"comparisons", checked.comparisons}, {"worst_share_of_tolerance", checked.worst}});
    if (!right) all["rows"].push_back({{"name", name}, {"error_occurred", true}, {"error_message", checked.where}});
    if (!options.json) {
      std::cout << padded(name, 38) << (right ? "right" : "WRONG") << ", " << checked.comparisons
                << " comparisons, worst " << fixed(100.0 * checked.worst, 1) << " % of the tolerance" << (right ? "" : ": " + checked.where) << std::endl;
    }
    for (std::size_t i = 0; timed && right && i < version.workloads.size(); ++i) {
      const Timing timing = time_workload(context, version.workloads[i], product);
      all["rows"].push_back(row(name, version.workloads[i], timing));
      if (!options.json) std::cout << line(version.workloads[i], timing) << std::endl;
    }
  }
  all["right"] = passed;
  if (options.json) std::cout << all.dump(2) << "\n";
  return passed ? 0 : 1;
}

int main(int argc, char** argv) {
  Options options;
  CLI::App app{"The ladder: operations written several times, slow to fast. Checks every step, and times it where there is a card."};
  app.add_option("--filter", options.filter, "only steps whose OPERATION/STEP contains this");
  app.add_flag("--json", options.json, "one JSON object on stdout instead of lines");
  app.add_flag("--check", options.check, "check only, on a card too");
  app.add_flag("--list", options.list, "name the steps and end");
  try {
    app.parse(argc, argv);
    return run(options);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  } catch (const UsageError& error) {
    std::cerr << "bench_ladder: " << error.what() << "\n";
    return 2;
  } catch (const DeviceError& error) {
    std::cerr << "bench_ladder: " << error.what() << "\n";
    return 5;
  } catch (const std::exception& error) {
    std::cerr << "bench_ladder: " << error.what() << "\n";
    return 1;
  }
}

}  // namespace

}  // namespace pliant::ladder

int main(int argc, char** argv) { return pliant::ladder::main(argc, argv); }
