#include "tests/support/backends.h"

#include <doctest/doctest.h>

namespace pliant::test {

void on_every_backend(const std::function<void(Context&, DType, double)>& body) {
  {
    INFO("cpu, double");
    body(cpu(), DType::f64, 1e-12);
  }
  {
    INFO("cpu, float");
    body(cpu(), DType::f32, 1e-6);
  }
  for (const NamedContext& gpu : gpu_contexts()) {
    CAPTURE(gpu.name);
    body(*gpu.context, DType::f32, 1e-6);
  }
}

}  // namespace pliant::test
