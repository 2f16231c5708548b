#include "nets/builder.h"

#include <algorithm>

#include "nets/kernel_shapes.h"

namespace pliant {

namespace {

constexpr int kExitDropouts = 1000;  // dropouts of further heads count from here, those of a net's own layers from 0

}  // namespace

MapSize MapSize::after(const Conv2dOptions& conv) const {
  const Conv2dGeometry geometry{conv.stride, conv.padding, conv.dilation};
  const MapSize map{geometry.output_size(rows, conv.kernel), geometry.output_size(columns, conv.kernel)};
  PLIANT_REQUIRE(ShapeError, std::min(rows, columns) + 2 * conv.padding > conv.dilation * (conv.kernel - 1), "a ", conv.kernel, " x ",
                 conv.kernel, " convolution does not fit into a map of ", rows, " x ", columns);
  return map;
}

MapSize MapSize::after(const PoolGeometry& pool) const { return {pool.output_size(rows), pool.output_size(columns)}; }

NetBuilder::NetBuilder(const NetDescription& description) {
  net_.description = description;
  net_.store = std::make_unique<ParameterStore>();
  const auto& d = description;
  PLIANT_REQUIRE(ConfigError, d.classes >= 2, d.name, ": needs at least 2 classes, got ", d.classes);
  PLIANT_REQUIRE(ConfigError, d.height >= 1 && d.width >= 1 && d.channels >= 1, d.name, ": an input of ", d.height, " x ", d.width, " x ",
                 d.channels, " is empty");
  PLIANT_REQUIRE(ConfigError, d.batch_norm_sets == 1 || d.batch_norm_sets == static_cast<int>(d.widths.size()) + 1, d.name, ": ",
                 d.batch_norm_sets, " batch-norm sets for ", d.widths.size() + 1, " widths; give 1, or one per width");
  PLIANT_REQUIRE(ConfigError, !d.folded || d.widths.empty(), d.name, ": one width's batch norm alone can be folded, this net has ",
                 d.widths.size() + 1, " widths; extract one first");
  PLIANT_REQUIRE(ConfigError, d.branches == "code" || (d.branches == "paper" && !branch_stages(d.name, d.branches).empty()), d.name,
                 ": has no side branches \"", d.branches, "\"; BranchyNets have those of the \"code\" and of the \"paper\", other nets none");
  PLIANT_REQUIRE(ConfigError, d.width_ratios.empty() || d.width_ratios.size() == d.widths.size(), d.name, ": ", d.width_ratios.size(),
                 " names for ", d.widths.size(), " further widths");
  if (d.kernel_shape == "graded") graded_ = graded_kernel_shapes(d);
}

const std::vector<std::int32_t>* NetBuilder::kept(const std::string& name) {
  const auto found = net_.description.kept.find(name);
  if (found == net_.description.kept.end()) return nullptr;
  axes_used_.push_back(name);
  return &found->second;
}

ChannelAxis& NetBuilder::axis(const std::string& name, std::int64_t size) {
  const NetDescription& d = net_.description;
  if (const auto changed = d.axis_sizes.find(name); changed != d.axis_sizes.end()) {
    PLIANT_REQUIRE(ConfigError, changed->second >= 1 && changed->second <= size, d.name, ": axis ", name, " has 1 to ", size,
                   " channels, got ", changed->second);
    size = changed->second;
    axes_used_.push_back(name);
  }
  const std::vector<std::int32_t>* channels = kept(name);
  ChannelAxis* axis = channels ? &net_.store->axis(name, size, *channels) : &net_.store->axis(name, size);
  for (const std::vector<std::int64_t>& row : d.widths) {
    PLIANT_REQUIRE(ConfigError, axis_count_ < row.size(), d.name, ": a row of the width table has ", row.size(),
                   " sizes, too few for axis ", name);
    axis->add_width(row[axis_count_]);
  }
  ++axis_count_;
  return *axis;
}

ChannelAxis& NetBuilder::selection(const std::string& name, ChannelAxis& stream) {
  const std::vector<std::int32_t>* channels = kept(name);
  ChannelAxis& axis = channels ? net_.store->axis(name, stream, *channels) : net_.store->axis(name, stream);
  for (int width = 0; width < axis.widths(); ++width) {
    PLIANT_REQUIRE(ConfigError, axis.active(width) >= 1, net_.description.name, ": selection ", name, " keeps no channel of row ", width,
                   " of the width table");
  }
  return axis;
}

LayerPtr NetBuilder::select(const std::string& name, ChannelAxis& stream, ChannelAxis& selection) {
  return std::make_unique<ChannelMap>(name, stream, selection, selection.positions_in_stream());
}

ChannelAxis& NetBuilder::add_selection(Sequential& body, const std::string& name, ChannelAxis& stream) {
  ChannelAxis& chosen = selection(name, stream);
  body.add(select(name, stream, chosen));
  return chosen;
}

ChannelAxis& NetBuilder::add_norm_and_selection(Sequential& body, const std::string& name, ChannelAxis& stream) {
  body.add(batch_norm(name, stream, Activation::relu));
  return add_selection(body, name + ".select", stream);
}

LayerPtr NetBuilder::channel_map(const std::string& name, ChannelAxis& in, ChannelAxis& out, const std::vector<std::int32_t>& whole) {
  const std::vector<std::int32_t> read = in.origins();
  std::vector<std::int32_t> map;
  for (const std::int32_t channel : out.origins()) {
    const std::int32_t source = whole[static_cast<std::size_t>(channel)];
    const auto found = std::lower_bound(read.begin(), read.end(), source);
    map.push_back(found != read.end() && *found == source ? static_cast<std::int32_t>(found - read.begin()) : -1);
  }
  return std::make_unique<ChannelMap>(name, in, out, std::move(map));
}

std::unique_ptr<Conv2d> NetBuilder::conv(const std::string& name, Dim in, ChannelAxis& out, const Conv2dOptions& options) {
  Conv2dOptions shaped = options;
  if (options.shapeable()) {
    has_shapeable_ = true;
    const std::string& asked = net_.description.kernel_shape;
    shaped.shape = asked == "graded" ? graded_.at(name) : kernel_shape(asked);
  }
  shaped.folded = net_.description.folded;
  return std::make_unique<Conv2d>(store(), name, in, out, shaped);
}

void NetBuilder::add_conv_norm(Sequential& body, const std::string& name, Dim in, ChannelAxis& out, const Conv2dOptions& options,
                               const std::string& norm, Activation f) {
  Conv2dOptions folded = options;
  if (net_.description.folded) folded.bias = true, folded.activation = f;
  std::unique_ptr<Conv2d> layer = conv(name, in, out, folded);
  if (net_.description.folded) return body.add(std::move(layer));
  body.add(std::make_unique<NormedConv2d>(std::move(layer), batch_norm(norm, out, f)));
  net_.conv_norms.push_back({name, norm, BatchNormOptions{}.epsilon});
}

void NetBuilder::add_conv_relu(Sequential& body, const std::string& name, Dim in, ChannelAxis& out, const Conv2dOptions& options,
                               const std::string& relu) {
  Conv2dOptions folded = options;
  if (net_.description.folded) folded.activation = Activation::relu;
  body.add(conv(name, in, out, folded));
  if (!net_.description.folded) body.add(std::make_unique<ActivationLayer>(relu, Activation::relu));
}

std::unique_ptr<BatchNorm> NetBuilder::batch_norm(const std::string& name, ChannelAxis& axis, Activation f) {
  const NetDescription& d = net_.description;
  return std::make_unique<BatchNorm>(store(), name, axis, BatchNormOptions{f, d.batch_norm_sets, d.shared_scale_shift});
}

LayerPtr NetBuilder::residual(const std::string& name, LayerPtr branch, LayerPtr shortcut, Activation f) {
  const bool removed = next_block_removed();
  const int block = net_.blocks++;
  PLIANT_INVARIANT(removed == !branch, name, ": a removed block has no branch");
  const std::vector<double>& survival = net_.description.survival;
  PLIANT_REQUIRE(ConfigError, survival.empty() || static_cast<std::size_t>(block) < survival.size(), name,
                 ": no survival probability given for block ", block, "; ", survival.size(), " were");
  const NetDescription& d = net_.description;
  const double probability = survival.empty() ? 1.0 : survival[static_cast<std::size_t>(block)];
  Parameter* scale = d.block_scales && branch ? &store().add(name + ".block_scale", Role::block_scale, {1}) : nullptr;
  return std::make_unique<Residual>(name, block, std::move(branch), std::move(shortcut),
                                    ResidualOptions{probability, d.gate_per_sample, d.scale_in_training, f, scale});
}

bool NetBuilder::next_block_removed() const {
  const std::vector<int>& removed = net_.description.removed_blocks;
  return std::binary_search(removed.begin(), removed.end(), net_.blocks);
}

LayerPtr NetBuilder::classifier(const std::string& name, ChannelAxis& in, std::int64_t rows, std::int64_t columns) {
  const NetDescription& d = net_.description;
  has_classifier_ = true;
  if (d.flatten_head) return std::make_unique<Linear>(store(), name, rows, columns, Dim(in), Dim(d.classes));
  return exit_head(store(), in, {name, d.classes});
}

void NetBuilder::stage(LayerPtr body, ChannelAxis& out, const StageOptions& options) {
  const NetDescription& d = net_.description;
  const int index = static_cast<int>(net_.stages.size());
  LayerPtr head;
  if (const auto found = std::find(d.exits.begin(), d.exits.end(), index); found != d.exits.end()) {
    const int exit = static_cast<int>(found - d.exits.begin());
    const std::string prefix = cat(kExitPrefix, exit, ".");
    head = options.branch ? options.branch(prefix)
                          : exit_head(store(), out, {prefix + "fc", d.classes, d.exit_dropout, kExitDropouts + exit});
  }
  net_.stages.push_back({std::move(body), std::move(head), options.group_end, options.elastic});
  declared_.push_back({store().parameters().size(), net_.blocks});
}

Net NetBuilder::finish(LayerPtr body, LayerPtr head) {
  net_.stages.push_back({std::move(body), std::move(head), true, true});
  require_description_used();
  if (net_.description.last_stage >= 0) end_early();
  return std::move(net_);
}

void NetBuilder::require_description_used() const {
  const NetDescription& d = net_.description;
  for (const auto& [name, size] : d.axis_sizes) {
    PLIANT_REQUIRE(ConfigError, std::find(axes_used_.begin(), axes_used_.end(), name) != axes_used_.end(), d.name, ": has no axis ", name);
  }
  for (const auto& [name, channels] : d.kept) {
    PLIANT_REQUIRE(ConfigError, std::find(axes_used_.begin(), axes_used_.end(), name) != axes_used_.end(), d.name, ": has no axis ", name);
  }
  for (std::size_t i = 0; i < d.removed_blocks.size(); ++i) {
    const int block = d.removed_blocks[i];
    PLIANT_REQUIRE(ConfigError, block >= 0 && block < net_.blocks && (i == 0 || block > d.removed_blocks[i - 1]), d.name,
                   ": the removed blocks are ascending numbers from 0 to ", net_.blocks - 1, ", got ", block);
  }
  for (const auto& row : d.widths) {
    PLIANT_REQUIRE(ConfigError, row.size() == axis_count_, d.name, ": a row of the width table has ", row.size(), " sizes, the net ",
                   axis_count_, " axes");
  }
  PLIANT_REQUIRE(ConfigError, d.survival.empty() || static_cast<int>(d.survival.size()) == net_.blocks, d.name, ": ", d.survival.size(),
                 " survival probabilities for ", net_.blocks, " residual blocks");
  PLIANT_REQUIRE(ConfigError, has_shapeable_ || d.kernel_shape == "full", d.name, ": has no 3 x 3 convolution with padding 1 that could have the shape ",
                 d.kernel_shape);
  PLIANT_REQUIRE(ConfigError, !d.block_scales || net_.blocks > 0, d.name, ": has no residual blocks whose branches could have scaling factors");
  PLIANT_REQUIRE(ConfigError, !d.flatten_head || has_classifier_, d.name, ": has no pooled classifier that could be flattened instead");
  const int last = static_cast<int>(net_.stages.size()) - 1;
  for (std::size_t i = 0; i < d.exits.size(); ++i) {
    PLIANT_REQUIRE(ConfigError, d.exits[i] >= 0 && d.exits[i] < last && (i == 0 || d.exits[i] > d.exits[i - 1]), d.name,
                   ": exits are ascending stages from 0 to ", last - 1, ", got ", d.exits[i]);
  }
}

void NetBuilder::end_early() {
  const NetDescription& d = net_.description;
  PLIANT_REQUIRE(ConfigError, !d.exits.empty() && d.exits.back() == d.last_stage, d.name, ": a net that ends after stage ", d.last_stage,
                 " has its last exit there");
  net_.stages.resize(static_cast<std::size_t>(d.last_stage) + 1);
  const Count& kept = declared_[static_cast<std::size_t>(d.last_stage)];
  store().keep_first(kept.parameters);
  net_.blocks = kept.blocks;
}

}  // namespace pliant
