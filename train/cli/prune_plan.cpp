#include "train/cli/prune_plan.h"

#include <charconv>
#include <fstream>
#include <nlohmann/json.hpp>

#include "core/check.h"
#include "nets/json.h"
#include "nets/plans.h"

namespace pliant::cli {

std::map<std::string, double> listed_ratios(const std::vector<std::string>& list) {
  std::map<std::string, double> ratios;
  for (const std::string& entry : list) {
    const std::size_t equals = entry.rfind('=');
    double ratio = 0.0;
    const char* end = entry.data() + entry.size();
    const bool number = equals != std::string::npos && equals > 0 && std::from_chars(entry.data() + equals + 1, end, ratio).ptr == end;
    PLIANT_REQUIRE(UsageError, number, "--ratios \"", entry, "\": expected LAYER=RATIO, such as features.0=0.5");
    PLIANT_REQUIRE(UsageError, ratios.emplace(entry.substr(0, equals), ratio).second, "--ratios: layer ", entry.substr(0, equals), " stands there twice");
  }
  return ratios;
}

namespace {

constexpr std::size_t kMaxPlanBytes = 1 << 24;  // of a file with a plan

std::map<std::string, double> ratios_in_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  PLIANT_REQUIRE(UsageError, in.good(), "--plan \"", path, "\" is no file that can be read");
  std::string text(kMaxPlanBytes + 1, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(in.gcount()));
  PLIANT_REQUIRE(FileError, text.size() <= kMaxPlanBytes, path, ": has more than ", kMaxPlanBytes, " bytes, no object of ratios by layer");
  const auto json = parse_json(text, path);
  PLIANT_REQUIRE(FileError, json.is_object() && !json.empty(), path, ": holds no JSON object of ratios by layer");
  std::map<std::string, double> ratios;
  for (const auto& [layer, ratio] : json.items()) {
    PLIANT_REQUIRE(FileError, ratio.is_number(), path, ": the ratio of layer ", layer, " is ", json_text(ratio).substr(0, 40), ", not a number");
    ratios[layer] = ratio.get<double>();
  }
  return ratios;
}

}  // namespace

std::map<std::string, double> planned_ratios(const std::string& name_or_file, const NetDescription& net) {
  if (!is_published_architecture(name_or_file)) return ratios_in_file(name_or_file);
  const std::map<std::string, double> ratios = published_ratios(name_or_file);
  const std::string planned = published_architecture(name_or_file).name;
  PLIANT_REQUIRE(ConfigError, planned == net.name, "--plan ", name_or_file, " is a plan for ", planned, ", not for ", net.name);
  return ratios;
}

}  // namespace pliant::cli
