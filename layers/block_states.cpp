#include "layers/block_states.h"

#include <memory>

namespace pliant {

namespace {

// One form of a block: its tape, on which its input is a leaf.
class Form {
 public:
  template <class Forward>
  Form(const Pass& outer, const Var& x, Forward&& forward) {
    Pass pass = outer;
    if (outer.tape) pass.tape = &tape_;
    x_ = outer.tape ? (x.slot.index >= 0 ? tape_.leaf(x.value) : Var{x.value, &tape_}) : Var{x.value};
    y_ = forward(pass, x_);
  }

  const Tensor& value() const { return y_.value; }
  bool learns() const { return y_.slot.index >= 0; }

  // The gradient of x, to which `before` had been added; no tensor where it is not wanted. Frees what was saved.
  Tensor backward(const Tensor& dy, const Tensor& before) {
    std::vector<Tape::Root> roots;
    if (before) roots.push_back({x_, before});
    if (learns()) roots.push_back({y_, dy});
    tape_.backward(roots);
    Tensor dx = x_.slot.index >= 0 ? tape_.gradient(x_) : Tensor();
    x_ = y_ = {};
    return dx;
  }

 private:
  Tape tape_;
  Var x_, y_;
};

struct Forms {
  std::unique_ptr<Form> open, dropped;
};

// Both gradients of x in one place, that of the open form.
Tensor backward(Forms& forms, BlockStates& states, int block, const Tensor& dy, const Tensor& before) {
  states.begin(block, true);
  Tensor dx = forms.open->backward(dy, before);
  forms.open.reset();
  if (dx && dx.shares_memory()) dx = dx.clone();  // dy itself, for example, which the other form reads
  states.begin(block, false);
  const Tensor other = forms.dropped->backward(dy, before);
  PLIANT_INVARIANT(static_cast<bool>(dx) == static_cast<bool>(other), "a block's input has a gradient in one state alone");
  if (dx) dx.copy_from(other);
  forms.dropped.reset();
  states.end();
  return dx;
}

}  // namespace

Var in_both_states(Pass& pass, const Var& x, int block, const std::function<Var(Pass& pass, const Var& x)>& open,
                   const std::function<Var(Pass& pass, const Var& x, const Tensor& y)>& dropped) {
  BlockStates& states = *pass.states;
  const auto forms = std::make_shared<Forms>();
  states.begin(block, true);
  forms->open = std::make_unique<Form>(pass, x, open);
  const Tensor y = forms->open->value();
  states.begin(block, false);
  forms->dropped = std::make_unique<Form>(pass, x, [&](Pass& inner, const Var& in) { return dropped(inner, in, y); });
  states.end();
  Var result{y, pass.tape, {}};
  if (!forms->open->learns() && !forms->dropped->learns()) return result;
  result.slot = pass.tape->record("block", [forms, &states, block, in = x.slot](const Tensor& dy, Gradients& grads) {
    grads.add(in, backward(*forms, states, block, dy, grads.take(in)));
  });
  return result;
}

}  // namespace pliant
