#include "train/cli/checkpoint_data.h"

#include <nlohmann/json.hpp>

#include "train/config.h"

namespace pliant::cli {

DataOptions recorded_data(const CheckpointInfo& info) {
  const auto state = nlohmann::json::parse(info.trainer_state, nullptr, false);
  if (!state.is_object() || !state.contains("config")) return {};
  DataOptions data = config_from_json(state["config"].dump()).data;
  data.limit_test = 0;
  return data;
}

DeviceData part_for(Context& context, const LoadedNet& loaded, const std::string& file, const Dataset& part, const Normalisation& of_data) {
  const NetDescription& d = loaded.net.description;
  PLIANT_REQUIRE(ConfigError, d.height == part.height && d.width == part.width && d.channels == part.channels && d.classes >= part.classes, file,
                 ": takes images of ", d.height, " x ", d.width, " x ", d.channels, " in ", d.classes, " classes, ", part.name, " has ", part.height,
                 " x ", part.width, " x ", part.channels, " in ", part.classes);
  const Normalisation& own = loaded.info.normalisation;
  return to_device(context, part, own.mean.empty() ? of_data : own);
}

}  // namespace pliant::cli
