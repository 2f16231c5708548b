// Compares one step with plain loops in double, on the inputs of the table of operations (layers/op_cases) and on some of its own that
// lie at the edges of the steps' tiles. Outputs are NaN before the step runs.
#pragma once

#include "benchmarks/ladder/ladder.h"
#include "benchmarks/ladder/versions.h"

namespace pliant::ladder {

std::vector<Comparison> check_sum(Sum* run, Context& context);
std::vector<Comparison> check_batch_norm(BatchNorm* run, Context& context);
std::vector<Comparison> check_product(Product* run, Context& context);
std::vector<Comparison> check_convolution(Convolution* run, Context& context);  // one group
std::vector<Comparison> check_depthwise(Convolution* run, Context& context);

}  // namespace pliant::ladder
