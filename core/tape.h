// Reverse-mode differentiation by an explicit tape. Operations are recorded in the order they run, which is already a
// topological order; backward() undoes them from the last to the first and frees what each had saved. One tape serves one
// training step. First derivatives only.
#pragma once

#include <functional>
#include <initializer_list>
#include <vector>

#include "core/tensor.h"

namespace pliant {

class Tape;
struct Parameter;

struct Slot {  // where the gradient of a value is summed; -1: nobody wants it
  int index = -1;
};

struct Var {
  Tensor value;
  Tape* tape = nullptr;  // null: nothing is recorded (inference)
  Slot slot{};
};

// What a backward function may do with gradients.
class Gradients {
 public:
  explicit Gradients(Tape& tape) : tape_(tape) {}
  // False: the gradient of this value can be left out.
  bool wanted(Slot slot) const { return slot.index >= 0; }
  // Adds dx to the slot and takes it over. The same tensor may be given to several slots.
  void add(Slot slot, Tensor dx);
  // For kernels that accumulate: the tensor they add into; a parameter's gradient itself, or zeros at first, in the
  // accumulation_dtype of `like`.
  Tensor& accumulator(Slot slot, const Tensor& like);
  // What was added so far, which the slot then has no longer; no tensor where there is nothing, or nobody wants it.
  Tensor take(Slot slot);

 private:
  Tape& tape_;
};

class Tape {
 public:
  using Backward = std::function<void(const Tensor& dy, Gradients& grads)>;

  struct Root {  // a loss (or any value) and the gradient to start from; an empty dy means ones
    Var value;
    Tensor dy;
  };

  Tape() = default;
  Tape(const Tape&) = delete;
  Tape& operator=(const Tape&) = delete;

  Var leaf(Tensor value);                   // its gradient can be read after backward()
  Var parameter(Parameter& parameter);      // its slot is parameter.grad, where contributions accumulate
  Slot record(const char* name, Backward backward);

  // Several losses are several roots. Empties the tape; gradients of leaves stay readable.
  void backward(const std::vector<Root>& roots);
  void backward(const Var& root) { backward({Root{root, {}}}); }

  // After backward(): the gradient of a leaf, or no tensor if the roots do not depend on it.
  Tensor gradient(const Var& leaf) const;
  std::size_t steps() const { return steps_.size(); }
  std::vector<const char*> names() const;   // of the recorded steps, in order: printing the tape is the lesson

 private:
  friend class Gradients;
  struct Step {
    const char* name;
    int output;
    Backward backward;
  };
  struct Entry {
    Tensor gradient;
    bool is_parameter = false;
  };
  std::vector<Step> steps_;
  std::vector<Entry> entries_;
  std::vector<std::pair<Parameter*, int>> parameters_;
};

// A Var for the result y of an operation. Records `backward` only where the gradient of an input is wanted.
// Throws ShapeError if the inputs lie on two tapes.
Var record(const char* name, std::initializer_list<const Var*> inputs, Tensor y, Tape::Backward backward);
Var record(const char* name, const std::vector<Var>& inputs, Tensor y, Tape::Backward backward);

}  // namespace pliant
