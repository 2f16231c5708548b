#include "core/tape.h"

#include <utility>

#include "core/memory_ops.h"
#include "core/parameter.h"

namespace pliant {

void Gradients::add(Slot slot, Tensor dx) {
  if (!wanted(slot)) return;
  Tensor& sum = tape_.entries_[static_cast<std::size_t>(slot.index)].gradient;
  const bool is_parameter = tape_.entries_[static_cast<std::size_t>(slot.index)].is_parameter;
  if (!sum) {
    sum = std::move(dx);
    return;
  }
  // The sum may have been given to another slot too, or still be held by a caller: then adding in place would change both.
  if (!is_parameter && sum.shares_memory()) sum = sum.clone();
  if (dx.dtype() != sum.dtype()) {  // an accumulator of f32 beside 16 bits
    Tensor same(dx.context(), dx.shape(), sum.dtype());
    kernels::cast(dx, same);
    dx = std::move(same);
  }
  kernels::accumulate(dx, sum);
}

Tensor& Gradients::accumulator(Slot slot, const Tensor& like) {
  PLIANT_INVARIANT(wanted(slot), "an accumulator was asked for a gradient that nobody wants");
  Tape::Entry& entry = tape_.entries_[static_cast<std::size_t>(slot.index)];
  if (!entry.gradient) {
    entry.gradient = Tensor::zeros(like.context(), like.shape(), accumulation_dtype(like.dtype()));
  } else if (is_16_bit(entry.gradient.dtype())) {
    Tensor wide(like.context(), like.shape(), DType::f32);
    kernels::cast(entry.gradient, wide);
    entry.gradient = std::move(wide);
  } else if (!entry.is_parameter && entry.gradient.shares_memory()) {
    entry.gradient = entry.gradient.clone();
  }
  return entry.gradient;
}

Tensor Gradients::take(Slot slot) {
  return wanted(slot) ? std::exchange(tape_.entries_[static_cast<std::size_t>(slot.index)].gradient, {}) : Tensor();
}

Var Tape::leaf(Tensor value) {
  entries_.push_back({});
  return {std::move(value), this, Slot{static_cast<int>(entries_.size()) - 1}};
}

Var Tape::parameter(Parameter& parameter) {
  if (parameter.frozen) return {parameter.value, this, Slot{}};
  for (const auto& [known, index] : parameters_) {
    if (known == &parameter) return {parameter.value, this, Slot{index}};
  }
  entries_.push_back({parameter.grad, true});
  const int index = static_cast<int>(entries_.size()) - 1;
  parameters_.emplace_back(&parameter, index);
  return {parameter.value, this, Slot{index}};
}

Slot Tape::record(const char* name, Backward backward) {
  entries_.push_back({});
  const int index = static_cast<int>(entries_.size()) - 1;
  steps_.push_back({name, index, std::move(backward)});
  return Slot{index};
}

void Tape::backward(const std::vector<Root>& roots) {
  Gradients grads(*this);
  for (const Root& root : roots) {
    PLIANT_REQUIRE(ShapeError, root.value.tape == this, "backward: the root was recorded on another tape, or on none");
    Tensor dy = root.dy;
    if (!dy) {
      dy = Tensor::like(root.value.value);
      kernels::fill(dy, 1.0);
    }
    PLIANT_REQUIRE(ShapeError, dy.shape() == root.value.value.shape(), "backward: the gradient of a root has shape ",
                   dy.shape(), ", its value ", root.value.value.shape());
    grads.add(root.value.slot, std::move(dy));
  }
  for (; !steps_.empty(); steps_.pop_back()) {  // popping a step frees what it had saved
    Step& step = steps_.back();
    const Tensor dy = std::exchange(entries_[static_cast<std::size_t>(step.output)].gradient, {});
    if (dy) step.backward(dy, grads);  // empty: this output never reached a root
  }
}

Tensor Tape::gradient(const Var& leaf) const {
  PLIANT_REQUIRE(ShapeError, leaf.tape == this && leaf.slot.index >= 0, "gradient: not a leaf of this tape");
  return entries_[static_cast<std::size_t>(leaf.slot.index)].gradient;
}

std::vector<const char*> Tape::names() const {
  std::vector<const char*> names;
  for (const Step& step : steps_) names.push_back(step.name);
  return names;
}

namespace {

template <class Range, class Get>
Var record_over(const char* name, const Range& inputs, Tensor y, Tape::Backward backward, Get get) {
  Tape* tape = nullptr;
  bool wanted = false;
  for (const auto& input : inputs) {
    const Var& var = get(input);
    if (!var.tape) continue;
    PLIANT_REQUIRE(ShapeError, !tape || tape == var.tape, name, ": inputs of two tapes");
    tape = var.tape;
    wanted |= var.slot.index >= 0;
  }
  Var result{std::move(y), tape, {}};
  if (wanted) result.slot = tape->record(name, std::move(backward));
  return result;
}

}  // namespace

Var record(const char* name, std::initializer_list<const Var*> inputs, Tensor y, Tape::Backward backward) {
  return record_over(name, inputs, std::move(y), std::move(backward), [](const Var* var) -> const Var& { return *var; });
}

Var record(const char* name, const std::vector<Var>& inputs, Tensor y, Tape::Backward backward) {
  return record_over(name, inputs, std::move(y), std::move(backward), [](const Var& var) -> const Var& { return var; });
}

}  // namespace pliant
