// The data on which a checkpoint is measured: what the run that made it used, unless a flag says otherwise.
#pragma once

#include "train/checkpoint.h"
#include "train/config.h"
#include "train/device_data.h"

namespace pliant::cli {

// How the run that made the checkpoint trained it; the recipe of the net for a file without a record.
TrainConfig recorded_config(const CheckpointInfo& info, const std::string& net_name);

// The data options of that run, so that "validation" means the images it held out; defaults for a file without a record.
DataOptions recorded_data(const CheckpointInfo& info);

// A part on the device, normalised as the checkpoint says, or by `of_data` where it says nothing; no data for an empty part.
// Images of another size than the net's input are resized in every batch, which is said on stderr. ConfigError that names `file` where
// the net takes other channels or tells fewer classes apart.
DeviceData part_for(Context& context, const LoadedNet& loaded, const std::string& file, const Dataset& part, const Normalisation& of_data);

}  // namespace pliant::cli
