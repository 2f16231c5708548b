#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <omp.h>
#include <sys/sysinfo.h>
#if defined(PLIANT_WITH_ONEDNN)
#include <dnnl.h>
#endif
#if defined(PLIANT_WITH_ZLIB)
#include <zlib.h>
#endif

#include "core/context.h"
#if defined(PLIANT_WITH_CUDA)
#include "kernels/gpu/library_version.h"
#endif
#include "nets/json.h"
#include "train/cli/common.h"
#include "train/cli/verbs.h"
#include "train/data/fetch.h"
#include "train/data/recognise.h"
#include "train/version.h"

namespace pliant::cli {

namespace {

struct Finding {
  std::string name, state;
  bool good = true;
  std::string advice;  // how to get what is missing
};

Finding library_onednn() {
#if defined(PLIANT_WITH_ONEDNN)
  const dnnl_version_t* v = dnnl_version();
  return {"oneDNN", fmt::format("{}.{}.{}", v->major, v->minor, v->patch), true, ""};
#else
  return {"oneDNN", "not built in: convolutions on the CPU are plain loops, slow", false, "apt-get install libdnnl-dev, then configure again"};
#endif
}

Finding library_zlib() {
#if defined(PLIANT_WITH_ZLIB)
  return {"zlib", zlibVersion(), true, ""};
#else
  return {"zlib", "not built in: .gz data files are refused", false, "apt-get install zlib1g-dev, then configure again"};
#endif
}

Finding library_downloads() {
  if (can_fetch()) return {"downloads", "libcurl and libarchive", true, ""};
  return {"downloads", "not built in: `pliant data fetch` refuses", false, "apt-get install libcurl4-openssl-dev libarchive-dev, then configure again"};
}

#if defined(PLIANT_WITH_CUDA)
Finding gpu_library(const char* name, const kernels::gpu::LibraryVersions& versions) {
  const std::string state = cat(versions.loaded, " (compiled for ", versions.compiled, ")");
  if (versions.loaded.major == versions.compiled.major) return {name, state, true, ""};
  return {name, state, false, cat("version ", versions.compiled.major, " first in LD_LIBRARY_PATH, or a new build")};
}
#endif

Finding device(Device which) {
  std::string why;
  if (is_usable(which, &why)) return {fmt::format("device {}", name_of(which)), "usable", true, ""};
  const char* advice = which == Device::cuda ? "an NVIDIA card, its driver, CUDA 13 and cuDNN 9, and a build with PLIANT_CUDA=ON"
                                             : "a build with PLIANT_CUDA=OFF";
  return {fmt::format("device {}", name_of(which)), "not usable: " + why, false, advice};
}

Finding data_folder() {
  const char* folder = std::getenv("PLIANT_DATA");
  if (!folder || !*folder) {
    return {"PLIANT_DATA", "not set; only data sets named by --data, and \"synthetic\"", false,
            "set it to a folder with cifar10-images, mnist-images or the official binary folders"};
  }
  std::string found;
  try {
    for (const FoundData& data : recognise_data(folder)) found += fmt::format("{}{} ({})", found.empty() ? "" : ", ", data.name, format_name(data.format));
  } catch (const DataError& error) {
    return {"PLIANT_DATA", error.what(), false, "set it to a folder that holds data sets"};
  }
  if (found.empty()) return {"PLIANT_DATA", fmt::format("{}: no data set found", folder), false, "`pliant data verify DIR` says what is recognised"};
  return {"PLIANT_DATA", fmt::format("{}: {}", folder, found), true, ""};
}

std::vector<Finding> examine() {
  struct sysinfo memory {};
  sysinfo(&memory);
  const double gib = static_cast<double>(memory.totalram) * memory.mem_unit / (1 << 30);
#if defined(PLIANT_WITH_CUDA)
  const char* kernels = "GPU kernels compiled by nvcc";
#else
  const char* kernels = "GPU kernels over the SIMT emulator (no CUDA)";
#endif
  return {{"pliant", program_version(), true, ""},
          {"compiler", fmt::format("C++ compiler {}", __VERSION__), true, ""},
          {"kernels", kernels, true, ""},
          {"machine", fmt::format("{} cores, {:.1f} GiB of memory", omp_get_num_procs(), gib), true, ""},
          library_onednn(),
          library_zlib(), library_downloads(),
#if defined(PLIANT_WITH_CUDA)
          gpu_library("cuDNN", kernels::gpu::cudnn_versions()),
          gpu_library("cuBLASLt", kernels::gpu::cublaslt_versions()),
#endif
          device(Device::cpu),
          device(Device::cuda),
          device(Device::emulated),
          data_folder()};
}

int run_doctor(bool json) {
  nlohmann::ordered_json all = nlohmann::ordered_json::array();
  for (const Finding& finding : examine()) {
    all.push_back({{"name", finding.name}, {"state", finding.state}, {"good", finding.good}, {"advice", finding.advice}});
    if (json) continue;
    std::cout << fmt::format("{} {:<16} {}\n", finding.good ? "+" : "-", finding.name, finding.state);
    if (!finding.advice.empty()) std::cout << fmt::format("  {:<16} needs: {}\n", "", finding.advice);
  }
  if (json) {
    const nlohmann::ordered_json report = {{"version", program_version()}, {"findings", std::move(all)}};
    std::cout << json_text(report) << "\n";
  }
  return 0;
}

}  // namespace

void add_doctor(CLI::App& app, Verb& chosen) {
  auto json = std::make_shared<bool>(false);
  CLI::App* verb = app.add_subcommand("doctor", "Say what was built, what this machine offers, what is missing and how to get it");
  add_json_flag(*verb, *json);
  verb->callback([json, &chosen] { chosen = [json] { return run_doctor(*json); }; });
}

}  // namespace pliant::cli
