#include "train/pruning/constants.h"

#include <algorithm>
#include <cmath>

#include "layers/batch_norm.h"
#include "nets/graph.h"

namespace pliant {

namespace {

void write(Parameter& parameter, const std::vector<double>& values) {
  if (parameter.value.dtype() == DType::f64) {
    parameter.value.write(values.data());
  } else {
    parameter.value.write(std::vector<float>(values.begin(), values.end()).data());
  }
}

std::string norm_of(const Parameter& scale) { return scale.name.substr(0, scale.name.rfind('.')); }

// The constant of every channel, 0 for those that stay.
std::vector<double> constants_of(const Net& net, const ChannelWriter& writer, const std::vector<std::int32_t>& kept) {
  const std::string norm = norm_of(*writer.scale);
  const std::vector<double> scale = writer.scale->value.to_doubles(), shift = writer.shift->value.to_doubles();
  const std::vector<double> mean = net.store->find(norm + ".running_mean")->value.to_doubles();
  const std::vector<double> variance = net.store->find(norm + ".running_var")->value.to_doubles();
  std::vector<double> constants(scale.size(), 0.0);
  for (std::size_t c = 0; c < constants.size(); ++c) {
    if (std::binary_search(kept.begin(), kept.end(), static_cast<std::int32_t>(c))) continue;
    constants[c] = std::max(0.0, shift[c] - mean[c] * scale[c] / std::sqrt(variance[c] + BatchNormOptions{}.epsilon));
  }
  return constants;
}

// What takes up the constants that a reader gets: its bias, or the mean that the norm behind it subtracts (then with the other sign).
struct Sink {
  Parameter* parameter = nullptr;
  double sign = 1.0;
};

Sink sink_of(const Net& net, const std::vector<ChannelGroup>& groups, const ChannelReader& reader) {
  if (Parameter* bias = net.store->find(reader.layer + ".bias")) return {bias, 1.0};
  for (const ChannelGroup& group : groups) {
    for (const ChannelWriter& writer : group.writers) {
      if (writer.layer == reader.layer && writer.scale) return {net.store->find(norm_of(*writer.scale) + ".running_mean"), -1.0};
    }
  }
  return {};
}

bool reads_without_padding(const ChannelGroup& group) {
  return std::all_of(group.readers.begin(), group.readers.end(), [&](const ChannelReader& reader) {
    const bool point = reader.weight->role == Role::weight || (reader.weight->dims[1].size == 1 && reader.weight->dims[2].size == 1);
    return point && reader.through == group.axis;
  });
}

// A norm without ReLU behind it would leave another constant; builders put it at the ends of residual branches alone.
bool foldable(const Net& net, const std::vector<ChannelGroup>& groups, const ChannelGroup& group) {
  if (!group.internal() || !group.writers[0].scale || !group.depthwise.empty() || group.readers.empty() || !reads_without_padding(group)) return false;
  return std::all_of(group.readers.begin(), group.readers.end(), [&](const ChannelReader& reader) { return sink_of(net, groups, reader).parameter; });
}

void fold(const Net& net, const std::vector<ChannelGroup>& groups, const ChannelGroup& group, const std::vector<double>& constants) {
  for (const ChannelReader& reader : group.readers) {
    const std::vector<double> weights = reader.weight->value.to_doubles();
    const Sink sink = sink_of(net, groups, reader);
    std::vector<double> values = sink.parameter->value.to_doubles();
    const std::size_t row = weights.size() / values.size(), channels = constants.size();
    for (std::size_t i = 0; i < weights.size(); ++i) values[i / row] += sink.sign * weights[i] * constants[i % channels];
    write(*sink.parameter, values);
  }
}

}  // namespace

std::vector<std::string> fold_constants(Net& net, const std::map<std::string, std::vector<std::int32_t>>& kept) {
  PLIANT_REQUIRE(ConfigError, net.description.batch_norm_sets == 1, net.description.name, ": constants differ by batch-norm set, of which it has ",
                 net.description.batch_norm_sets, "; they can be dropped alone");
  const std::vector<ChannelGroup> groups = channel_groups(net);
  std::map<const ChannelGroup*, std::vector<double>> constants;  // all before the first running mean moves
  for (const ChannelGroup& group : groups) {
    const auto found = kept.find(group.axis->name());
    if (found != kept.end() && foldable(net, groups, group)) constants[&group] = constants_of(net, group.writers[0], found->second);
  }
  std::vector<std::string> folded;
  for (const auto& [group, values] : constants) {
    fold(net, groups, *group, values);
    folded.push_back(group->axis->name());
  }
  return folded;
}

void zero_filters(Net& net, const std::map<std::string, std::vector<std::int32_t>>& kept) {
  for (const ChannelGroup& group : channel_groups(net)) {
    const auto found = kept.find(group.axis->name());
    if (found == kept.end()) continue;
    for (const ChannelWriter& writer : group.writers) {
      for (Parameter* parameter : {writer.weight, net.store->find(writer.layer + ".bias")}) {
        if (!parameter) continue;
        std::vector<double> values = parameter->value.to_doubles();
        const std::size_t row = values.size() / static_cast<std::size_t>(group.axis->size());
        for (std::size_t i = 0; i < values.size(); ++i) {
          if (!std::binary_search(found->second.begin(), found->second.end(), static_cast<std::int32_t>(i / row))) values[i] = 0.0;
        }
        write(*parameter, values);
      }
    }
  }
}

}  // namespace pliant
