#include "train/checkpoint.h"

#include <map>
#include <nlohmann/json.hpp>
#include <utility>

#include "nets/zoo.h"
#include "train/checkpoint_header.h"
#include "train/files/staged_tensors.h"
#include "train/files/text.h"

namespace pliant {

namespace {

constexpr const char* kOptimizer = "optimizer.";

// A view of an optimizer arena that belongs to one parameter.
Tensor part_of(const Tensor& arena, const Parameter& parameter) { return arena.view(parameter.offset, parameter.shape()); }

void add_masks(SafetensorsWriter& writer, const ParameterStore& store) {
  for (const Parameter& parameter : store.parameters()) {
    if (parameter.mask) add_mask_in_file_layout(writer, parameter.name + ".mask", file_shape(parameter), parameter.mask);
  }
  for (const auto& axis : store.axes()) {
    if (axis->mask) add_mask_in_file_layout(writer, "axis." + axis->name() + ".mask", {axis->size()}, axis->mask);
  }
}

}  // namespace

void save_checkpoint(const std::string& path, const Net& net, const CheckpointInfo& info, const std::vector<OptimizerArena>& arenas) {
  SafetensorsWriter writer;
  for (const Parameter& parameter : std::as_const(*net.store).parameters()) {
    add_in_file_layout(writer, parameter.name, file_shape(parameter), parameter.value);
    if (!parameter.trainable()) continue;
    for (const OptimizerArena& arena : arenas) {
      add_in_file_layout(writer, kOptimizer + arena.name + "." + parameter.name, file_shape(parameter), part_of(arena.values, parameter));
    }
  }
  add_masks(writer, *net.store);
  write_checkpoint_header(writer, net.description, net.store->dtype(), info);
  writer.write(path);
}

void save_gradients(const std::string& path, const Net& net) {
  SafetensorsWriter writer;
  for (const Parameter& parameter : std::as_const(*net.store).parameters()) {
    if (parameter.trainable()) add_in_file_layout(writer, parameter.name, file_shape(parameter), parameter.grad);
  }
  writer.write(path);
}

const Tensor* LoadedNet::arena(const std::string& name) const {
  for (const OptimizerArena& arena : arenas) {
    if (arena.name == name) return &arena.values;
  }
  return nullptr;
}

namespace {

struct ArenaEntry {
  std::string arena;
  const TensorEntry* entry;
  const Parameter* parameter;
};

// What each tensor of a checkpoint is, decided by its name before anything is allocated.
struct Contents {
  std::vector<std::pair<const TensorEntry*, Parameter*>> values, masks;
  std::vector<std::pair<const TensorEntry*, ChannelAxis*>> axis_masks;
  std::vector<ArenaEntry> arenas;
};

[[noreturn]] void refuse_unknown(const SafetensorsReader& reader, const TensorEntry& entry, const Net& net) {
  throw FileError(cat(reader.path(), ": tensor ", in_quotes(entry.name), " does not belong to ", net.description.name,
                      "; expected its parameters, their masks and optimizer state alone"));
}

// "velocity.fc.weight" -> the arena and the parameter.
ArenaEntry arena_entry(const SafetensorsReader& reader, const TensorEntry& entry, const Net& net, const std::string& rest) {
  const std::size_t dot = rest.find('.');
  Parameter* parameter = dot == std::string::npos ? nullptr : net.store->find(rest.substr(dot + 1));
  if (!parameter || !parameter->trainable() || dot == 0) refuse_unknown(reader, entry, net);
  require_file_shape(reader, entry, *parameter);
  return {rest.substr(0, dot), &entry, parameter};
}

void sort_entry(const SafetensorsReader& reader, const TensorEntry& entry, const Net& net, Contents& contents) {
  constexpr std::string_view kMask = ".mask", kAxis = "axis.";
  const std::string& name = entry.name;
  if (Parameter* parameter = net.store->find(name)) {
    require_file_shape(reader, entry, *parameter);
    contents.values.emplace_back(&entry, parameter);
  } else if (name.starts_with(kOptimizer)) {
    contents.arenas.push_back(arena_entry(reader, entry, net, name.substr(std::string_view(kOptimizer).size())));
  } else if (name.ends_with(kMask)) {
    const std::string owner = name.substr(0, name.size() - kMask.size());
    Parameter* masked = net.store->find(owner);
    ChannelAxis* axis = owner.starts_with(kAxis) ? net.store->find_axis(owner.substr(kAxis.size())) : nullptr;
    if (masked && masked->trainable()) {
      require_file_shape(reader, entry, *masked);
      contents.masks.emplace_back(&entry, masked);
    } else if (axis) {
      PLIANT_REQUIRE(FileError, entry.shape == std::vector<std::int64_t>{axis->size()}, reader.path(), ": tensor ", in_quotes(name),
                     ": expected one value for each of the ", axis->size(), " channels, got ", entry.elements());
      contents.axis_masks.emplace_back(&entry, axis);
    } else {
      refuse_unknown(reader, entry, net);
    }
  } else if (!name.ends_with(".num_batches_tracked")) {
    refuse_unknown(reader, entry, net);
  }
}

// Every parameter must be there, and every arena that is there must be whole.
void require_complete(const SafetensorsReader& reader, const Net& net, const Contents& contents) {
  std::size_t trainable = 0;
  for (const Parameter& parameter : std::as_const(*net.store).parameters()) {
    reader.at(parameter.name);
    trainable += parameter.trainable();
  }
  std::map<std::string, std::size_t> counts;
  for (const ArenaEntry& entry : contents.arenas) ++counts[entry.arena];
  for (const auto& [arena, count] : counts) {
    PLIANT_REQUIRE(FileError, count == trainable, reader.path(), ": holds ", in_quotes(kOptimizer + arena), " for ", count, " of the ",
                   trainable, " parameters");
  }
}

void load_arenas(StagedTensors& staged, const Contents& contents, LoadedNet& loaded) {
  std::map<std::string, Tensor> arenas;
  for (const ArenaEntry& entry : contents.arenas) {
    Tensor& arena = arenas[entry.arena];
    if (!arena) arena = Tensor::zeros_like(loaded.net.store->values());
    staged.floats(*entry.entry, part_of(arena, *entry.parameter));
  }
  for (auto& [name, values] : arenas) loaded.arenas.push_back({name, std::move(values)});
}

}  // namespace

LoadedNet load_checkpoint(Context& context, const std::string& path, DType dtype) { return load_checkpoint(context, path, dtype, dtype); }

LoadedNet load_checkpoint(Context& context, const std::string& path, DType dtype, DType compute) {
  const SafetensorsReader reader(path);
  CheckpointHeader header = parse_checkpoint_header(reader);
  LoadedNet loaded{build_described_net(path, header.description), std::move(header.info), {}};
  Net& net = loaded.net;
  Contents contents;
  for (const TensorEntry& entry : reader.entries()) sort_entry(reader, entry, net, contents);
  require_complete(reader, net, contents);

  // Only now memory: what the net needs is bounded by the file, however large its description claims to be.
  net.store->allocate(context, dtype, compute);
  StagedTensors staged(reader);
  for (const auto& [entry, parameter] : contents.values) staged.floats(*entry, parameter->value);
  for (const auto& [entry, parameter] : contents.masks) {
    parameter->mask = Tensor::zeros_like(parameter->value);
    staged.mask(*entry, parameter->mask);
  }
  for (const auto& [entry, axis] : contents.axis_masks) {
    axis->mask = Tensor::zeros(context, {axis->size()}, dtype);
    staged.mask(*entry, axis->mask);
  }
  load_arenas(staged, contents, loaded);
  staged.commit();
  return loaded;
}

}  // namespace pliant
