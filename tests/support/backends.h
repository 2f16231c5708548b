// Runs the body of a test on every backend: on the CPU in double and in float, and in float on every way to run the GPU bodies.
#pragma once

#include <functional>

#include "core/dtype.h"
#include "tests/support/contexts.h"

namespace pliant::test {

// body(context, dtype, tolerance of values of about 1). A failure names the backend.
void on_every_backend(const std::function<void(Context&, DType, double)>& body);

}  // namespace pliant::test
