// Convolutions as oneDNN computes them: which algorithm, for how many images at a time, and the primitive with the copies of its operands in
// the orders of memory that it wants. Inner header of conv2d_onednn.cpp.
#pragma once

#include <cstring>
#include <dnnl.hpp>
#include <string_view>
#include <vector>

#include "core/tensor.h"
#include "kernels/conv2d_checks.h"

namespace pliant::kernels::cpu::convolution_plans {

enum class Direction : int { forward, data, filter };

// Compared as bytes: ints only.
struct Key {
  Conv2dSizes sizes;
  Direction direction;
  int bias, relu;
  int inference;  // forward alone: Winograd's filters may stay transformed
  int winograd, bf16;
  int threads;  // some primitives divide their work when they are made

  bool operator==(const Key& other) const { return std::memcmp(this, &other, sizeof *this) == 0; }
};
struct KeyHash {
  std::size_t operator()(const Key& key) const {
    return std::hash<std::string_view>{}({reinterpret_cast<const char*>(&key), sizeof key});
  }
};

bool has_winograd();  // oneDNN, on this processor
// The rules depend on the shape alone, so that runs can be repeated bit for bit.
bool winograd_pays(const Conv2dSizes& sizes, Direction direction, bool inference);
int winograd_images(const Conv2dSizes& sizes, Direction direction);  // of a batch, in one call

// A tensor of a call: in our layout, and where the primitive wants another one also as a copy in scratch memory.
class Operand {
 public:
  Operand() = default;
  Operand(const dnnl::engine& engine, const dnnl::memory::desc& ours, const dnnl::memory::desc& wanted, bool in_scratch = false)
      : ours_(ours, engine, nullptr), wanted_(wanted, engine, nullptr), copied_(in_scratch || ours != wanted) {}

  bool copied() const { return copied_; }
  std::size_t copy_bytes() const;
  std::size_t scratch_bytes() const { return copied_ ? copy_bytes() : 0; }
  void place(std::size_t offset) { offset_ = offset; }

  void reorder_in() { reorder_ = dnnl::reorder(ours_, wanted_); }
  void reorder_out(bool accumulate);
  void bind(const void* data, std::byte* scratch);
  void run_in(const dnnl::stream& stream) { run(stream, ours_, wanted_); }
  void run_out(const dnnl::stream& stream) { run(stream, wanted_, ours_); }
  dnnl_exec_arg_t argument(int index) const { return {index, wanted_.get()}; }

  // For a filter that stays in the form that the primitive wants: not in scratch memory, and converted once.
  void bind_copy(void* copy) { wanted_.set_data_handle(copy); }
  void convert(const dnnl::stream& stream, const Tensor& filter, Tensor& copy);

 private:
  void run(const dnnl::stream& stream, const dnnl::memory& from, const dnnl::memory& to);

  dnnl::memory ours_, wanted_;
  dnnl::reorder reorder_;
  std::size_t offset_ = 0;
  bool copied_ = false;
};

// A primitive with its memory descriptors. inputs: x and w, dy and w, or dy and x, as the direction asks.
struct Plan {
  dnnl::primitive primitive;
  bool fast = true;  // false: oneDNN has only its reference loops for this
  bool keeps_filter = false;  // inputs[1] is a copy that outlives the call
  Operand inputs[2], output;
  dnnl::memory bias, scratchpad;
  std::size_t scratchpad_offset = 0, scratch_bytes = 0;
  std::vector<dnnl_exec_arg_t> arguments;
};

Plan make_plan(const Key& key, const dnnl::engine& engine);  // dnnl::error where oneDNN has no such primitive

}  // namespace pliant::kernels::cpu::convolution_plans
