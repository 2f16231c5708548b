// Operations of the table (layers/op_cases/op_case.h), or an application's own, as calls to time, and the rates that follow from a time.
//   for (const TimedCall& call : timed_calls(context, DType::f32, my_case)) print(call.pass, time_call(context, call.run).seconds);
#pragma once

#include <optional>
#include <string>

#include "layers/op_cases/op_case.h"
#include "train/bench/measure.h"

namespace pliant {

struct TimedCall {
  std::string pass;          // "forward", "forward+backward"; "call" for an operation without a gradient
  std::function<void()> run;
  double bytes = 0.0;        // that a call has to move at least; 0: not known
  double flops = 0.0;        // where arithmetic is the limit, else 0
};

// Makes the inputs and runs the operation once, which tells the sizes. bytes of the forward pass: every input and the output once, and what
// `work` adds. Of the backward pass: dy and every gradient once, unless that is dy itself, and what `work` adds.
// ConfigError in 16 bits for a case with roundings 0.
std::vector<TimedCall> timed_calls(Context& context, DType dtype, const OpCase& op);
std::vector<TimedCall> timed_calls(Context& context, DType dtype, const KernelCase& one);
std::vector<TimedCall> timed_calls(Context& context, DType dtype, const OpFamily& family, const Sizes& sizes);

// The passes that timed_calls() would give, and whether the case meets the dtype, without making any tensor. meets() throws what the family
// does for sizes that it cannot take.
std::vector<std::string> passes_of(const OpFamily& family);
bool meets(const OpFamily& family, const Sizes& sizes, DType dtype);

// "128x32x32x64" as numbers. UsageError unless it is at most five numbers of at least 1 with an x between them, in product at most 2^40.
Sizes parse_sizes(const std::string& text);
std::string text_of(const Sizes& sizes);
// Whether as many sizes are given as the family's form has.
bool fits(const OpFamily& family, const Sizes& sizes);

// What the machine gives, in the same run: bytes per second of a copy, operations per second of a product; 0 where not measured.
struct MachineRates {
  double copy = 0.0, product = 0.0;
};
// Of a call: one of the two pairs, by its limit; neither where the bytes are not known.
struct CallRates {
  std::optional<double> bytes_per_s, of_copy, flops_per_s, of_product;
};
CallRates rates_of(const TimedCall& call, double seconds, const MachineRates& machine);

}  // namespace pliant
