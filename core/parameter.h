// Channels, parameters and the store that owns them. A ChannelAxis is one channel dimension, shared by every layer that
// produces or reads those channels; its identity is the coupling. A Parameter knows on which axis each of its dimensions lies,
// so that slimming, masking and removal act on axes and never on layers.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/tensor.h"

namespace pliant {

struct Run {  // consecutive indices of one dimension
  std::int64_t first, count;
  bool operator==(const Run&) const = default;
};

class ChannelAxis {
 public:
  ChannelAxis(std::string name, std::int64_t size);
  // What removal left of an axis with full_size channels: these of them, ascending.
  ChannelAxis(std::string name, std::int64_t full_size, std::vector<std::int32_t> kept);
  ChannelAxis(std::string name, std::vector<ChannelAxis*> parts);  // a concatenation, in this order
  // A selection of a stream's channels (network slimming): all that the stream has, or these of its full_size(), ascending.
  ChannelAxis(std::string name, ChannelAxis& stream);
  ChannelAxis(std::string name, ChannelAxis& stream, std::vector<std::int32_t> kept);
  ChannelAxis(const ChannelAxis&) = delete;
  ChannelAxis& operator=(const ChannelAxis&) = delete;

  const std::string& name() const { return name_; }
  std::int64_t size() const { return active(0); }                  // width 0 is the full one
  std::int64_t active(int width) const;
  int widths() const;
  std::vector<Run> runs(int width) const;                          // indices into the full axis
  const std::vector<ChannelAxis*>& parts() const { return parts_; }
  ChannelAxis* stream() const { return stream_; }                  // of a selection, else null
  bool plain() const { return parts_.empty() && !stream_; }        // neither a concatenation nor a selection
  void add_width(std::int64_t size);                               // 1..size(); plain axes alone, the others follow

  // What this axis was before anything was removed: its size then, and the place that each of its channels had there.
  std::int64_t full_size() const;
  std::vector<std::int32_t> origins() const;
  // For a selection: the position in the stream, as it is now, of each of its channels.
  std::vector<std::int32_t> positions_in_stream() const;
  // The runs as a tensor [active(width)] i32 on the device, made once; no tensor where the whole axis is active.
  const Tensor& indices(Context& context, int width) const;

  Tensor mask;                                                     // [size()], 1 = keep, 0 = gone; empty: no mask

 private:
  std::string name_;
  std::vector<std::int64_t> sizes_;  // one per width; plain axes alone
  std::vector<ChannelAxis*> parts_;
  ChannelAxis* stream_ = nullptr;
  std::int64_t full_size_ = 0;        // plain axes alone
  std::vector<std::int32_t> kept_;   // of full_size(); empty: the leading ones of a plain axis, all of a stream
  mutable std::vector<Tensor> indices_;
};

struct Dim {
  std::int64_t size;
  ChannelAxis* axis = nullptr;
  int width = 0;                                                   // what is stored: the part of the axis that this width uses
  Dim(std::int64_t fixed) : size(fixed) {}                         // NOLINT: a plain size is a dimension without an axis
  Dim(ChannelAxis& on, int stored = 0) : size(on.active(stored)), axis(&on), width(stored) {}  // NOLINT
};

// What a parameter is; decides its initialisation, its name and layout in a file, and whether it decays.
enum class Role : std::uint8_t { filter, weight, bias, scale, shift, running_mean, running_variance, block_scale };

const char* name_of(Role role);

class ParameterStore;

struct Parameter {
  std::string name;               // as in a checkpoint: "layer1.0.conv1.weight"
  Role role;
  std::vector<Dim> dims;          // filter {K, R, S, C}; weight {K, H, W, C}; block scale {1}; the others {C}
  Tensor value, grad;             // views into the store's arenas; buffers have no grad
  Tensor mask;                    // same shape, 1 or 0; empty: none. Applied by the optimizer step
  bool frozen = false;            // no gradient, no update
  std::int64_t offset = 0;        // in its arena, in elements
  ParameterStore* store = nullptr;  // its owner, once that has memory

  bool trainable() const { return role != Role::running_mean && role != Role::running_variance; }
  // The value as convolutions and linear layers read it: for filters and weights of a net that computes in 16 bits the copy in the
  // compute type, brought up to date first; for everything else `value` itself.
  Tensor computed() const;
  Shape shape() const;
  Shape active_shape(int width) const;
  // For kernels::pack: per dimension the stored positions that are active at a width; no tensor for a whole dimension.
  // Throws ConfigError where the parameter stores a narrower width than the one asked for.
  std::vector<Tensor> active_indices(int width) const;
};

// Owns the parameters, buffers and axes of one net, in flat arenas: values and gradients of all trainable parameters, and the
// buffers. Declare everything first, then allocate() once. A net that computes in bf16 or f16 keeps all of these in f32 (the master
// weights) and has one arena more: the copy of the values in the compute type.
class ParameterStore {
 public:
  static constexpr std::int64_t kAlignment = 64;                   // every parameter starts at a multiple of this many elements

  template <class... Arguments>
  ChannelAxis& axis(std::string name, Arguments&&... arguments) {  // as ChannelAxis is made; ConfigError on a name used twice
    return declare(std::make_unique<ChannelAxis>(std::move(name), std::forward<Arguments>(arguments)...));
  }
  Parameter& add(std::string name, Role role, std::vector<Dim> dims);  // throws ConfigError on a name used twice

  // Takes back every declaration after the first `count`, for nets that end early. Before allocate() alone.
  void keep_first(std::size_t count);

  // Makes the arenas, f32 or f64 (f64 on the CPU alone), and binds value and grad of every parameter. Values start at zero.
  // compute: the type of activations and of what multiplies them; dtype itself, or bf16 or f16 beside f32.
  void allocate(Context& context, DType dtype, DType compute);
  void allocate(Context& context, DType dtype) { allocate(context, dtype, dtype); }
  bool allocated() const { return static_cast<bool>(values_); }

  Tensor& values() { return values_; }
  Tensor& gradients() { return gradients_; }
  Tensor& buffers() { return buffers_; }
  DType dtype() const { return values_.dtype(); }
  DType compute_dtype() const { return compute_ ? compute_.dtype() : dtype(); }

  // values() in the compute type, same offsets; no tensor where that is the type of values(). Anything may write to values, and
  // nobody has to tell: the copy knows how often they were written to, and Parameter::computed() refreshes it where it is behind.
  // Who writes both (an optimizer's step) says so with compute_copy_is_fresh(). What is replayed without asking for tensors (a
  // captured step) calls refresh_compute_copy() before.
  Tensor& compute_copy() { return compute_; }
  void refresh_compute_copy();
  void compute_copy_is_fresh() { copied_writes_ = values_.writes(); }
  Context& context() const { return values_.context(); }

  // Adds one row to the width table: a size for every plain axis, in order of declaration. Returns its index.
  int add_width(const std::vector<std::int64_t>& sizes);

  std::deque<Parameter>& parameters() { return parameters_; }      // buffers included, in order of declaration
  const std::deque<Parameter>& parameters() const { return parameters_; }
  const std::vector<std::unique_ptr<ChannelAxis>>& axes() const { return axes_; }
  Parameter* find(const std::string& name);
  ChannelAxis* find_axis(const std::string& name);
  std::int64_t trainable_count() const;                            // scalars, as papers count parameters

 private:
  ChannelAxis& declare(std::unique_ptr<ChannelAxis> axis);

  std::deque<Parameter> parameters_;                               // a deque: addresses stay valid
  std::vector<std::unique_ptr<ChannelAxis>> axes_;
  Tensor values_, gradients_, buffers_, compute_;
  std::uint64_t copied_writes_ = 0;                                // values_.writes() when compute_ was equal to them
};

}  // namespace pliant
