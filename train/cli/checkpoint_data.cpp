#include "train/cli/checkpoint_data.h"

#include <iostream>
#include <nlohmann/json.hpp>

#include "nets/json.h"


namespace pliant::cli {

TrainConfig recorded_config(const CheckpointInfo& info, const std::string& net_name) {
  const auto state = parse_json(info.trainer_state, "training state");
  if (!state.is_object() || !state.contains("config")) return recipe(net_name);
  return config_from_json(json_text(state["config"]));
}

DataOptions recorded_data(const CheckpointInfo& info) {
  DataOptions data = recorded_config(info, "").data;
  data.limit_test = 0;
  return data;
}

DeviceData part_for(Context& context, const LoadedNet& loaded, const std::string& file, const Dataset& part, const Normalisation& of_data) {
  const NetDescription& d = loaded.net.description;
  PLIANT_REQUIRE(ConfigError, d.channels == part.channels && d.classes >= part.classes, file, ": takes images of ", d.channels, " channels in ",
                 d.classes, " classes, ", part.name, " has ", part.channels, " channels in ", part.classes, " classes");
  const Normalisation& own = loaded.info.normalisation;
  DeviceData data = to_device(context, part, own.mean.empty() ? of_data : own);
  if (fit_to(data, d, recorded_config(loaded.info, d.name).augmentation)) {
    std::cerr << "pliant: images of " << part.height << " x " << part.width << " are resized on the fly to " << d.height << " x " << d.width << "\n";
  }
  return data;
}

}  // namespace pliant::cli
