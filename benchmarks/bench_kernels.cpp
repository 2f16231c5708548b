// The operations of the table (layers/op_cases) in f32, forward and forward with backward, at sizes worth timing and on the maps of
// ResNet-20 at batch 128. Bytes are what a call has to move at least; of_copy compares the rate with a copy of as many bytes. `pliant bench`
// times the same calls without Google Benchmark.
#include <algorithm>

#include "benchmarks/support.h"

namespace pliant::bench {

namespace {

void add_family(const Place& place, const OpFamily& family, const Sizes& sizes) {
  const std::vector<std::string> passes = passes_of(family);
  for (std::size_t pass = 0; pass < passes.size(); ++pass) {
    add_row(place, cat(family.name, "/", text_of(sizes), "/", passes[pass]),
            [=](Context& context) { return timed_calls(context, DType::f32, family, sizes)[pass]; });
  }
}

void add_rows() {
  const std::vector<Sizes> resnet20 = {{128, 32, 32, 16}, {128, 16, 16, 32}, {128, 8, 8, 64}};
  for (const Place& place : places()) {
    for (const OpFamily& family : op_families()) {
      for (const Sizes& sizes : family.sizes) add_family(place, family, sizes);
      for (const Sizes& sizes : resnet20) {
        const bool known = std::find(family.sizes.begin(), family.sizes.end(), sizes) != family.sizes.end();
        if (family.op && fits(family, sizes) && !known) add_family(place, family, sizes);
      }
    }
  }
}

}  // namespace

}  // namespace pliant::bench

int main(int argc, char** argv) {
  pliant::bench::add_rows();
  return pliant::bench::run_rows(argc, argv);
}
