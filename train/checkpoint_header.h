// The metadata of a checkpoint: what its tensors cannot say. Used by the checkpoint code alone.
#pragma once

#include <string>

#include "train/checkpoint.h"

namespace pliant {

void write_checkpoint_header(SafetensorsWriter& writer, const NetDescription& description, DType dtype, const CheckpointInfo& info);

// FileError, naming the file and the key, where the metadata is missing, of a newer format or inconsistent.
CheckpointHeader parse_checkpoint_header(const SafetensorsReader& reader);

// build_net(); whatever is wrong with a description that came from a file is a FileError.
Net build_described_net(const std::string& path, const NetDescription& description);

}  // namespace pliant
