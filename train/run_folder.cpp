#include "train/run_folder.h"

#include <sys/utsname.h>

#include <ctime>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <thread>

#include "core/check.h"
#include "nets/json.h"
#include "train/files/atomic_file.h"

namespace pliant {
namespace {

namespace fs = std::filesystem;

std::string cpu_model() {
  std::ifstream in("/proc/cpuinfo");
  for (std::string line; std::getline(in, line);) {
    const std::size_t colon = line.find(": ");
    if (line.starts_with("model name") && colon != std::string::npos) return line.substr(colon + 2);
  }
  return "unknown";
}

std::string build_flags() {
  std::string flags;
#ifdef __OPTIMIZE__
  flags += "optimised";
#else
  flags += "not optimised";
#endif
#ifndef NDEBUG
  flags += " assertions";
#endif
#ifdef __SANITIZE_ADDRESS__
  flags += " address-sanitizer";
#endif
#ifdef __AVX2__
  flags += " avx2";
#endif
#ifdef _OPENMP
  flags += " openmp";
#endif
  return flags;
}

std::string utc_now() {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  ::gmtime_r(&now, &parts);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
  return text;
}

}  // namespace

std::map<std::string, std::string> host_environment() {
  utsname system{};
  ::uname(&system);
  return {{"compiler", cat("g++ ", __VERSION__)},
          {"build", build_flags()},
          {"cpu", cpu_model()},
          {"logical_cores", cat(std::thread::hardware_concurrency())},
          {"system", cat(system.sysname, ' ', system.release, ' ', system.machine)},
          {"date", utc_now()}};
}

RunFolder::RunFolder(const std::string& path, bool resume) : path_(path) {
  PLIANT_REQUIRE(ConfigError, !path.empty(), "--out needs the name of a folder");
  std::error_code error;
  PLIANT_REQUIRE(ConfigError, !fs::exists(path, error) || fs::is_directory(path, error), "--out ", path,
                 ": is a file, expected a folder");
  fs::create_directories(path, error);
  PLIANT_REQUIRE(Error, !error, "--out ", path, ": the folder cannot be created: ", error.message());
  const bool empty = fs::is_empty(path, error);
  PLIANT_REQUIRE(Error, !error, "--out ", path, ": the folder cannot be read: ", error.message());
  PLIANT_REQUIRE(ConfigError, empty || resume, "--out ", path,
                 ": the folder is not empty; name a new one, or continue its run with --resume ", last_checkpoint());
  AtomicFile probe(file("probe"));  // never committed, so nothing stays
}

std::string RunFolder::file(const std::string& name) const { return (fs::path(path_) / name).string(); }

void RunFolder::write_config(const std::string& json_object) const {
  const auto json = nlohmann::ordered_json::parse(json_object, nullptr, false);
  PLIANT_REQUIRE(ConfigError, json.is_object(), config(), ": the configuration is no JSON object");
  write_file_atomically(config(), json_text(json, 2) + "\n");
}

void RunFolder::write_environment(const std::map<std::string, std::string>& more) const {
  std::map<std::string, std::string> values = more;
  values.merge(host_environment());
  write_file_atomically(environment(), json_text(nlohmann::json(values), 2) + "\n");
}

}  // namespace pliant
