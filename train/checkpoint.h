// Checkpoints: one safetensors file with a net's tensors under PyTorch's names and in PyTorch's layout, and its description
// as metadata, so that the file alone rebuilds the net. Also `weights only` files made elsewhere. Whatever is wrong with a
// file is a FileError that names it, the tensor, what was expected and what is there; nothing is ever half loaded.
//
//   <parameter>, <buffer>            "layer1.0.conv1.weight" [K, C, R, S], "fc.weight" [K, C H W], "bn1.running_mean" [C]
//   <parameter>.mask                 U8, 1 or 0, same shape;     axis.<axis>.mask    U8 [channels]
//   optimizer.<arena>.<parameter>    state of the optimizer, same shape as the parameter
//   *.num_batches_tracked            PyTorch's; accepted and ignored
// Metadata: pliant.format, pliant.version, net (nets/description.h), normalisation, class_names, dtype, precision, trainer.
#pragma once

#include <string>
#include <vector>

#include "nets/net.h"
#include "train/data/dataset.h"
#include "train/files/safetensors.h"
#include "train/optimizer.h"

namespace pliant {

struct CheckpointInfo {
  std::vector<std::string> class_names;  // one per class, or empty: not known
  Normalisation normalisation;           // of the images the net was trained on; one value per channel, or empty
  std::string trainer_state;             // JSON of the trainer, exact resume needs it; may be empty
  std::string precision = "f32";         // the net was trained in (train/precision.h); tensors of the file are f32 nevertheless
};

// Tensors keep the net's dtype, f32 or f64. Atomic: the file appears whole or the old one stays. Throws Error if it cannot be written.
void save_checkpoint(const std::string& path, const Net& net, const CheckpointInfo& info,
                     const std::vector<OptimizerArena>& arenas = {});

struct LoadedNet {
  Net net;  // allocated in the context that was given; net.description is the file's
  CheckpointInfo info;
  std::vector<OptimizerArena> arenas;  // those of the file, on the net's device and in its dtype

  const Tensor* arena(const std::string& name) const;  // null if the file has none of that name
};

// Floating-point tensors of any width are converted to dtype (f32 or f64; f64 on the CPU alone, else ConfigError). The net computes in
// `compute`: dtype itself, or bf16 or f16 beside f32.
LoadedNet load_checkpoint(Context& context, const std::string& path, DType dtype, DType compute);
LoadedNet load_checkpoint(Context& context, const std::string& path, DType dtype = DType::f32);

// The description and the rest of the metadata alone; for `info`. No tensor is looked at.
struct CheckpointHeader {
  NetDescription description;
  CheckpointInfo info;
};
CheckpointHeader read_checkpoint_header(const std::string& path);

enum class WeightPolicy {
  exact,    // every parameter and buffer must be there with its shape, nothing else may be (import)
  matching  // what has the name and the shape is taken, the rest of the net stays as it is; at least one must match (--init)
};

struct WeightReport {
  std::vector<std::string> loaded, fresh;  // names of the net: taken from the file; left as they were
  std::vector<std::string> unused;         // names of the file that the net does not have, or has with another shape
};

// Reads the tensors of any safetensors file, a checkpoint or not, into an allocated net, in the net's own dtype.
WeightReport load_weights(Net& net, const std::string& path, WeightPolicy policy);

// Gradients of all parameters of a net under the parameters' names, in the layout of a checkpoint.
void save_gradients(const std::string& path, const Net& net);

}  // namespace pliant
