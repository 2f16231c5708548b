#include "core/parameter.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "core/memory_ops.h"

namespace pliant {

namespace {

std::vector<std::int32_t> leading(std::int64_t count) {
  std::vector<std::int32_t> positions(static_cast<std::size_t>(count));
  std::iota(positions.begin(), positions.end(), 0);
  return positions;
}

void require_ascending(const std::string& axis, const std::vector<std::int32_t>& kept, std::int64_t full_size) {
  PLIANT_REQUIRE(ConfigError, !kept.empty(), "axis ", axis, ": nothing is kept of its ", full_size, " channels");
  for (std::size_t i = 0; i < kept.size(); ++i) {
    PLIANT_REQUIRE(ConfigError, kept[i] >= 0 && kept[i] < full_size && (i == 0 || kept[i] > kept[i - 1]), "axis ", axis,
                   ": the kept channels are ascending numbers from 0 to ", full_size - 1, ", got ", kept[i]);
  }
}

void append_run(std::vector<Run>& runs, Run run) {
  if (run.count == 0) return;
  if (!runs.empty() && runs.back().first + runs.back().count == run.first) {
    runs.back().count += run.count;
  } else {
    runs.push_back(run);
  }
}

}  // namespace

ChannelAxis::ChannelAxis(std::string name, std::int64_t size) : name_(std::move(name)), sizes_{size}, full_size_(size) {
  PLIANT_REQUIRE(ConfigError, size >= 1, "axis ", name_, ": needs at least one channel, got ", size);
}

ChannelAxis::ChannelAxis(std::string name, std::int64_t full_size, std::vector<std::int32_t> kept)
    : name_(std::move(name)), sizes_{static_cast<std::int64_t>(kept.size())}, full_size_(full_size), kept_(std::move(kept)) {
  require_ascending(name_, kept_, full_size);
}

ChannelAxis::ChannelAxis(std::string name, std::vector<ChannelAxis*> parts) : name_(std::move(name)), parts_(std::move(parts)) {
  PLIANT_REQUIRE(ConfigError, !parts_.empty(), "axis ", name_, ": a concatenation needs at least one part");
}

ChannelAxis::ChannelAxis(std::string name, ChannelAxis& stream) : name_(std::move(name)), stream_(&stream) {}

ChannelAxis::ChannelAxis(std::string name, ChannelAxis& stream, std::vector<std::int32_t> kept)
    : name_(std::move(name)), stream_(&stream), kept_(std::move(kept)) {
  require_ascending(name_, kept_, stream.full_size());
  const std::vector<std::int32_t> there = stream.origins();
  for (const std::int32_t channel : kept_) {
    PLIANT_REQUIRE(ConfigError, std::binary_search(there.begin(), there.end(), channel), "axis ", name_, ": selects channel ", channel,
                   ", which was removed from ", stream.name());
  }
}

std::int64_t ChannelAxis::active(int width) const {
  if (plain()) {
    PLIANT_REQUIRE(ConfigError, width >= 0 && width < static_cast<int>(sizes_.size()), "axis ", name_, ": width ", width,
                   " of ", sizes_.size(), " declared ones");
    return sizes_[static_cast<std::size_t>(width)];
  }
  if (stream_ && kept_.empty()) return stream_->active(width);
  if (stream_ && width == 0) return static_cast<std::int64_t>(kept_.size());
  std::int64_t sum = 0;
  for (const Run& run : runs(width)) sum += run.count;
  return sum;
}

int ChannelAxis::widths() const {
  if (stream_) return stream_->widths();
  return parts_.empty() ? static_cast<int>(sizes_.size()) : parts_.front()->widths();
}

std::vector<Run> ChannelAxis::runs(int width) const {
  if (plain()) return {{0, active(width)}};
  std::vector<Run> runs;
  if (stream_) {
    if (kept_.empty()) return stream_->runs(width);
    const std::vector<std::int32_t> positions = positions_in_stream();
    for (const Run& run : stream_->runs(width)) {
      const auto first = std::lower_bound(positions.begin(), positions.end(), run.first);
      const auto last = std::lower_bound(positions.begin(), positions.end(), run.first + run.count);
      append_run(runs, {first - positions.begin(), last - first});
    }
    return runs;
  }
  std::int64_t start = 0;
  for (const ChannelAxis* part : parts_) {
    for (const Run& run : part->runs(width)) append_run(runs, {start + run.first, run.count});
    start += part->size();
  }
  return runs;
}

std::int64_t ChannelAxis::full_size() const {
  if (stream_) return stream_->full_size();
  if (parts_.empty()) return full_size_;
  std::int64_t sum = 0;
  for (const ChannelAxis* part : parts_) sum += part->full_size();
  return sum;
}

std::vector<std::int32_t> ChannelAxis::origins() const {
  if (!kept_.empty()) return kept_;
  if (stream_) return stream_->origins();
  if (parts_.empty()) return leading(sizes_.front());
  std::vector<std::int32_t> origins;
  std::int64_t start = 0;
  for (const ChannelAxis* part : parts_) {
    for (const std::int32_t channel : part->origins()) origins.push_back(static_cast<std::int32_t>(start + channel));
    start += part->full_size();
  }
  return origins;
}

std::vector<std::int32_t> ChannelAxis::positions_in_stream() const {
  PLIANT_INVARIANT(stream_, "axis ", name_, " is no selection");
  const std::vector<std::int32_t> there = stream_->origins();
  if (kept_.empty()) return leading(stream_->size());
  std::vector<std::int32_t> positions;
  for (const std::int32_t channel : kept_) {
    positions.push_back(static_cast<std::int32_t>(std::lower_bound(there.begin(), there.end(), channel) - there.begin()));
  }
  return positions;
}

const Tensor& ChannelAxis::indices(Context& context, int width) const {
  if (indices_.size() <= static_cast<std::size_t>(width)) indices_.resize(static_cast<std::size_t>(width) + 1);
  Tensor& cached = indices_[static_cast<std::size_t>(width)];
  if (active(width) == size()) return cached;
  if (!cached || &cached.context() != &context) {
    std::vector<std::int32_t> positions;
    for (const Run& run : runs(width)) {
      for (std::int64_t i = 0; i < run.count; ++i) positions.push_back(static_cast<std::int32_t>(run.first + i));
    }
    cached = Tensor::from_host(context, {active(width)}, positions);
  }
  return cached;
}

void ChannelAxis::add_width(std::int64_t size) {
  PLIANT_REQUIRE(ConfigError, plain(), "axis ", name_, ": takes its widths from the axes that it is made of");
  PLIANT_REQUIRE(ConfigError, size >= 1 && size <= sizes_.front(), "axis ", name_, ": a width has 1 to ", sizes_.front(),
                 " channels, got ", size);
  sizes_.push_back(size);
}

const char* name_of(Role role) {
  switch (role) {
    case Role::filter: return "filter";
    case Role::weight: return "weight";
    case Role::bias: return "bias";
    case Role::scale: return "scale";
    case Role::shift: return "shift";
    case Role::running_mean: return "running mean";
    case Role::running_variance: return "running variance";
    case Role::block_scale: return "block scale";
  }
  return "?";
}

Tensor Parameter::computed() const {
  if (!store || !store->compute_copy() || (role != Role::filter && role != Role::weight)) return value;
  store->refresh_compute_copy();
  return store->compute_copy().view(offset, shape());
}

Shape Parameter::shape() const {
  Shape shape;
  for (const Dim& dim : dims) shape.append(dim.size);
  return shape;
}

Shape Parameter::active_shape(int width) const {
  Shape shape;
  for (const Dim& dim : dims) shape.append(dim.axis ? dim.axis->active(width) : dim.size);
  return shape;
}

std::vector<Tensor> Parameter::active_indices(int width) const {
  std::vector<Tensor> indices(dims.size());
  for (std::size_t i = 0; i < dims.size(); ++i) {
    const Dim& dim = dims[i];
    if (!dim.axis || dim.axis->active(width) == dim.size) continue;
    PLIANT_REQUIRE(ConfigError, dim.width == 0, "parameter ", name, " holds the ", dim.size, " channels of width ", dim.width,
                   " of axis ", dim.axis->name(), " and cannot serve width ", width, " with ", dim.axis->active(width));
    indices[i] = dim.axis->indices(value.context(), width);
  }
  return indices;
}

ChannelAxis& ParameterStore::declare(std::unique_ptr<ChannelAxis> axis) {
  PLIANT_REQUIRE(ConfigError, !find_axis(axis->name()), "axis ", axis->name(), " is declared twice");
  return *axes_.emplace_back(std::move(axis));
}

Parameter& ParameterStore::add(std::string name, Role role, std::vector<Dim> dims) {
  PLIANT_REQUIRE(ConfigError, !allocated(), "parameter ", name, ": declared after the arenas were made");
  PLIANT_REQUIRE(ConfigError, !find(name), "parameter ", name, " is declared twice");
  return parameters_.emplace_back(Parameter{std::move(name), role, std::move(dims), {}, {}, {}});
}

void ParameterStore::keep_first(std::size_t count) {
  PLIANT_INVARIANT(!allocated() && count <= parameters_.size(), "declarations are taken back before the arenas are made");
  while (parameters_.size() > count) parameters_.pop_back();
}

void ParameterStore::allocate(Context& context, DType dtype, DType compute) {
  PLIANT_REQUIRE(ConfigError, dtype == DType::f32 || dtype == DType::f64, "parameters are f32 or f64, not ", dtype);
  PLIANT_REQUIRE(ConfigError, dtype == DType::f32 || context.backend() == Backend::cpu,
                 "double precision runs on the CPU alone; choose the device cpu");
  PLIANT_REQUIRE(ConfigError, compute == dtype || (dtype == DType::f32 && is_16_bit(compute)), "a net with parameters in ", dtype,
                 " computes in ", dtype, dtype == DType::f32 ? ", bf16 or f16" : "", ", not in ", compute);
  std::int64_t trainable = 0, buffers = 0;
  for (Parameter& parameter : parameters_) {
    std::int64_t& total = parameter.trainable() ? trainable : buffers;
    parameter.offset = total;
    total += (parameter.shape().size() + kAlignment - 1) / kAlignment * kAlignment;
  }
  values_ = Tensor::zeros(context, {trainable}, dtype);
  gradients_ = Tensor::zeros(context, {trainable}, dtype);
  buffers_ = Tensor::zeros(context, {buffers}, dtype);
  if (compute != dtype) {
    compute_ = Tensor::zeros(context, {trainable}, compute);
    compute_copy_is_fresh();
  }
  for (Parameter& parameter : parameters_) {
    Tensor& arena = parameter.trainable() ? values_ : buffers_;
    parameter.store = this;
    parameter.value = arena.view(parameter.offset, parameter.shape());
    if (parameter.trainable()) parameter.grad = gradients_.view(parameter.offset, parameter.shape());
  }
}

void ParameterStore::refresh_compute_copy() {
  if (!compute_ || copied_writes_ == values_.writes()) return;
  kernels::cast(values_, compute_);
  compute_copy_is_fresh();
}

int ParameterStore::add_width(const std::vector<std::int64_t>& sizes) {
  std::vector<ChannelAxis*> plain;
  for (const auto& axis : axes_) {
    if (axis->plain()) plain.push_back(axis.get());
  }
  PLIANT_REQUIRE(ConfigError, sizes.size() == plain.size(), "a width needs ", plain.size(), " sizes, one per axis, got ",
                 sizes.size());
  // All or nothing: check every size before the first axis changes.
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    PLIANT_REQUIRE(ConfigError, sizes[i] >= 1 && sizes[i] <= plain[i]->size(), "axis ", plain[i]->name(), ": a width has 1 to ",
                   plain[i]->size(), " channels, got ", sizes[i]);
  }
  for (std::size_t i = 0; i < sizes.size(); ++i) plain[i]->add_width(sizes[i]);
  return plain.empty() ? 0 : plain.front()->widths() - 1;
}

Parameter* ParameterStore::find(const std::string& name) {
  const auto found = std::find_if(parameters_.begin(), parameters_.end(), [&](const Parameter& p) { return p.name == name; });
  return found == parameters_.end() ? nullptr : &*found;
}

ChannelAxis* ParameterStore::find_axis(const std::string& name) {
  const auto found = std::find_if(axes_.begin(), axes_.end(), [&](const auto& axis) { return axis->name() == name; });
  return found == axes_.end() ? nullptr : found->get();
}

std::int64_t ParameterStore::trainable_count() const {
  std::int64_t count = 0;
  for (const Parameter& parameter : parameters_) {
    if (parameter.trainable()) count += parameter.shape().size();
  }
  return count;
}

}  // namespace pliant
