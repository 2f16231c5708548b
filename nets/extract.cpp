#include "nets/extract.h"

#include <algorithm>

#include "kernels/pack.h"
#include "nets/exits.h"
#include "nets/zoo.h"

namespace pliant {

namespace {

int chosen_exit(const Net& net, const Extraction& what) {
  const int exit = what.exit < 0 ? net.exits() - 1 : what.exit;
  only_exit(net, exit);  // refuses what the net does not have
  return exit;
}

// "exit<from>.fc" -> "exit<to>.fc"; other names stay.
std::string renumbered(const std::string& name, int from, int to) {
  const std::string prefix = cat("exit", from, ".");
  return name.starts_with(prefix) ? cat("exit", to, ".", name.substr(prefix.size())) : name;
}

// Names of the extracted net are those of the source but for its heads.
struct Names {
  int exit;          // that is left
  bool keep_exits;
  std::string in_source(const std::string& name) const { return keep_exits ? name : renumbered(name, 0, exit); }
};

// The parameter of the source whose active part a parameter of the extracted net is.
const Parameter& source_of(const Net& net, const std::string& name, int width) {
  const std::size_t dot = name.rfind('.');
  if (width > 0 && net.description.batch_norm_sets > 1) {
    if (const Parameter* own = net.store->find(cat(name.substr(0, dot), ".set", width, name.substr(dot)))) return *own;
  }
  const Parameter* source = net.store->find(name);
  PLIANT_INVARIANT(source, "the extracted net has a parameter ", name, " that the whole one lacks");
  return *source;
}

Tensor active_part(const Tensor& whole, const Shape& shape, const std::vector<Tensor>& indices) {
  Tensor part(whole.context(), shape, whole.dtype());
  kernels::pack(whole, indices, part);
  return part;
}

}  // namespace

NetDescription extracted_description(const Net& net, const Extraction& what) {
  const NetDescription& source = net.description;
  const int exit = chosen_exit(net, what);
  PLIANT_REQUIRE(ConfigError, what.width >= 0 && what.width < net.widths(), source.name, ": row ", what.width, " of a width table with ",
                 net.widths(), " rows");
  NetDescription d = cut_at_exit(source, exit);
  d.axis_sizes.clear();
  d.widths.clear();
  d.width_ratios.clear();
  d.batch_norm_sets = 1;
  d.shared_scale_shift = false;
  if (!what.keep_exits) d.exits = d.last_stage < 0 ? std::vector<int>{} : std::vector<int>{d.last_stage};
  if (d.exits.empty()) d.exit_dropout = 0.0;
  d.kept.clear();
  const Names names{exit, what.keep_exits};
  const Net usual = build_net(d);  // with the builder's own sizes
  for (const auto& axis : usual.store->axes()) {
    if (!axis->parts().empty()) continue;
    const ChannelAxis* from = net.store->find_axis(names.in_source(axis->name()));
    PLIANT_INVARIANT(from, "the extracted net has an axis ", axis->name(), " that the whole one lacks");
    if (source.kept.contains(from->name())) {
      if (source.axis_sizes.contains(from->name())) d.axis_sizes[axis->name()] = source.axis_sizes.at(from->name());
      std::vector<std::int32_t>& kept = d.kept[axis->name()];
      const std::vector<std::int32_t> origins = from->origins();
      for (const Run& run : from->runs(what.width)) kept.insert(kept.end(), origins.begin() + run.first, origins.begin() + run.first + run.count);
    } else if (axis->plain() && from->active(what.width) != axis->size()) {
      d.axis_sizes[axis->name()] = from->active(what.width);
    }
  }
  return d;
}

Net extract(const Net& net, const Extraction& what) {
  Net part = build_net(extracted_description(net, what));
  Context& context = net.store->context();
  part.store->allocate(context, net.store->dtype(), net.store->compute_dtype());
  const Names names{chosen_exit(net, what), what.keep_exits};
  for (Parameter& target : part.store->parameters()) {
    const Parameter& source = source_of(net, names.in_source(target.name), what.width);
    const std::vector<Tensor> indices = source.active_indices(what.width);
    kernels::pack(source.value, indices, target.value);
    if (source.mask) target.mask = active_part(source.mask, target.shape(), indices);
  }
  for (const auto& target : part.store->axes()) {
    const ChannelAxis* source = net.store->find_axis(names.in_source(target->name()));
    if (source->mask) target->mask = active_part(source->mask, {target->size()}, {source->indices(context, what.width)});
  }
  return part;
}

}  // namespace pliant
