// Weights from any safetensors file into a net that is there already.
#include <utility>

#include "train/checkpoint.h"
#include "train/files/staged_tensors.h"
#include "train/files/text.h"

namespace pliant {

namespace {

bool is_bookkeeping(const std::string& name) { return name.ends_with(".num_batches_tracked") || name.starts_with("optimizer."); }

// A mask that belongs to a tensor that is taken comes along; null for every other entry.
Parameter* masked_parameter(const SafetensorsReader& reader, const Net& net, const TensorEntry& entry) {
  constexpr std::string_view kMask = ".mask";
  if (!entry.name.ends_with(kMask)) return nullptr;
  const std::string owner = entry.name.substr(0, entry.name.size() - kMask.size());
  Parameter* parameter = net.store->find(owner);
  const bool fits = parameter && parameter->trainable() && reader.find(owner) && entry.shape == file_shape(*parameter);
  return fits ? parameter : nullptr;
}

ChannelAxis* masked_axis(const Net& net, const TensorEntry& entry) {
  constexpr std::string_view kAxis = "axis.", kMask = ".mask";
  if (!entry.name.starts_with(kAxis) || !entry.name.ends_with(kMask)) return nullptr;
  ChannelAxis* axis = net.store->find_axis(entry.name.substr(kAxis.size(), entry.name.size() - kAxis.size() - kMask.size()));
  return axis && entry.shape == std::vector<std::int64_t>{axis->size()} ? axis : nullptr;
}

}  // namespace

WeightReport load_weights(Net& net, const std::string& path, WeightPolicy policy) {
  const SafetensorsReader reader(path);
  const bool exact = policy == WeightPolicy::exact;
  WeightReport report;
  StagedTensors staged(reader);
  std::vector<std::pair<Tensor*, Tensor>> masks;  // attached only once everything has been read
  for (const Parameter& parameter : std::as_const(*net.store).parameters()) {
    const TensorEntry* entry = exact ? &reader.at(parameter.name) : reader.find(parameter.name);
    if (entry && exact) require_file_shape(reader, *entry, parameter);
    const bool fits = entry && entry->shape == file_shape(parameter);
    if (fits) staged.floats(*entry, parameter.value);
    (fits ? report.loaded : report.fresh).push_back(parameter.name);
  }
  for (const TensorEntry& entry : reader.entries()) {
    if (const Parameter* parameter = net.store->find(entry.name)) {
      if (entry.shape != file_shape(*parameter)) report.unused.push_back(entry.name);
    } else if (Parameter* masked = masked_parameter(reader, net, entry)) {
      staged.mask(entry, masks.emplace_back(&masked->mask, Tensor::zeros_like(masked->value)).second);
    } else if (ChannelAxis* axis = masked_axis(net, entry)) {
      staged.mask(entry, masks.emplace_back(&axis->mask, Tensor::zeros(net.store->context(), {axis->size()}, net.store->dtype())).second);
    } else if (!is_bookkeeping(entry.name)) {
      PLIANT_REQUIRE(FileError, !exact, path, ": tensor ", in_quotes(entry.name), " does not belong to ", net.description.name,
                     " (shortcut, class count or net differ?)");
      report.unused.push_back(entry.name);
    }
  }
  PLIANT_REQUIRE(FileError, !report.loaded.empty(), path, ": none of its ", reader.entries().size(), " tensors has a name and shape of ",
                 net.description.name);
  staged.commit();
  for (auto& [place, mask] : masks) *place = mask;
  return report;
}

}  // namespace pliant
