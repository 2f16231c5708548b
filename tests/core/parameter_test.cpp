#include "core/parameter.h"

#include <doctest/doctest.h>

#include <utility>

#include "core/memory_ops.h"
#include "tests/support/contexts.h"

namespace pliant::test {

TEST_CASE("axis: active channels and runs of a plain axis and of a concatenation") {
  ParameterStore store;
  ChannelAxis &a = store.axis("a", 8), &b = store.axis("b", 6);
  ChannelAxis& both = store.axis("both", std::vector<ChannelAxis*>{&a, &b});
  CHECK(store.add_width({4, 3}) == 1);
  CHECK(store.add_width({8, 2}) == 2);
  CHECK(both.size() == 14);
  CHECK(both.active(1) == 7);
  CHECK(both.runs(0) == std::vector<Run>{{0, 14}});
  CHECK(both.runs(1) == std::vector<Run>{{0, 4}, {8, 3}});
  CHECK(both.runs(2) == std::vector<Run>{{0, 10}});
  CHECK(both.indices(cpu(), 1).to_host<std::int32_t>() == std::vector<std::int32_t>{0, 1, 2, 3, 8, 9, 10});
  CHECK_FALSE(static_cast<bool>(both.indices(cpu(), 0)));
  CHECK(both.widths() == 3);
}

TEST_CASE("axis: a width that does not fit is refused and changes nothing") {
  ParameterStore store;
  store.axis("a", 8);
  store.axis("b", 6);
  CHECK_THROWS_WITH_AS(store.add_width({4, 7}), doctest::Contains("axis b"), ConfigError);
  CHECK_THROWS_AS(store.add_width({4}), ConfigError);
  CHECK(store.find_axis("a")->widths() == 1);
  CHECK_THROWS_AS(store.find_axis("a")->active(1), ConfigError);
}

TEST_CASE("store: parameters lie in arenas at aligned offsets with zero padding") {
  ParameterStore store;
  ChannelAxis& axis = store.axis("c", 3);
  Parameter& filter = store.add("conv.weight", Role::filter, {Dim(axis), 3, 3, 5});
  Parameter& mean = store.add("bn.running_mean", Role::running_mean, {Dim(axis)});
  Parameter& bias = store.add("bias", Role::bias, {Dim(axis)});
  store.allocate(cpu(), DType::f32);
  CHECK(filter.value.shape() == Shape{3, 3, 3, 5});
  CHECK(bias.offset == 192);
  CHECK(store.values().size() == 256);
  CHECK(store.buffers().size() == 64);
  CHECK(store.trainable_count() == 138);
  CHECK_FALSE(static_cast<bool>(mean.grad));
  filter.value.data<float>()[0] = 2.0f;
  CHECK(store.values().to_host<float>()[0] == 2.0f);
  CHECK_THROWS_AS(store.add("late", Role::bias, {3}), ConfigError);
}

TEST_CASE("store: names are unique and double precision needs the CPU") {
  ParameterStore store;
  store.add("w", Role::bias, {3});
  CHECK_THROWS_WITH_AS(store.add("w", Role::bias, {3}), doctest::Contains("declared twice"), ConfigError);
  store.axis("a", 2);
  CHECK_THROWS_AS(store.axis("a", 2), ConfigError);
  CHECK_THROWS_AS(store.allocate(cpu(), DType::bf16), ConfigError);
  CHECK_THROWS_WITH_AS(store.allocate(*gpu_contexts().front().context, DType::f64), doctest::Contains("CPU alone"), ConfigError);
}

TEST_CASE("parameter: active indices name the leading channels and a narrower store refuses a wider pass") {
  ParameterStore store;
  ChannelAxis &in = store.axis("in", 6), &out = store.axis("out", 4);
  store.add_width({3, 4});
  Parameter& filter = store.add("w", Role::filter, {Dim(out), 1, 1, Dim(in)});
  Parameter& narrow = store.add("set1", Role::scale, {Dim(in, 1)});
  store.allocate(cpu(), DType::f32);
  const std::vector<Tensor> indices = filter.active_indices(1);
  CHECK_FALSE(static_cast<bool>(indices[0]));
  CHECK(indices[3].to_host<std::int32_t>() == std::vector<std::int32_t>{0, 1, 2});
  CHECK(filter.active_shape(1) == Shape{4, 1, 1, 3});
  CHECK(narrow.shape() == Shape{3});
  CHECK_FALSE(static_cast<bool>(narrow.active_indices(1)[0]));
  CHECK_THROWS_WITH_AS(narrow.active_indices(0), doctest::Contains("set1"), ConfigError);
}

TEST_CASE("store: beside f32 masters a net in bf16 or f16 has a copy that is never behind them") {
  std::vector<NamedContext> contexts = gpu_contexts();
  for (Context* context : {&cpu(), contexts.front().context.get()}) {
    for (const DType compute : {DType::bf16, DType::f16}) {
      ParameterStore store;
      ChannelAxis& axis = store.axis("a", 3);
      Parameter &filter = store.add("conv.weight", Role::filter, {Dim(axis), 1, 1, 2}), &scale = store.add("bn.weight", Role::scale, {Dim(axis)});
      store.allocate(*context, DType::f32, compute);
      CHECK(store.dtype() == DType::f32);
      CHECK(store.compute_dtype() == compute);
      CHECK(store.gradients().dtype() == DType::f32);
      CHECK(filter.computed().dtype() == compute);
      CHECK(filter.computed().shape() == filter.shape());
      CHECK(scale.computed().dtype() == DType::f32);
      const std::vector<float> first = {1, 2, 3, 4, 5, 6.001f};
      filter.value.write(first.data());
      CHECK(filter.computed().to_doubles() == std::vector<double>{1, 2, 3, 4, 5, 6});
      kernels::fill(store.values(), 0.5);
      CHECK(filter.computed().to_doubles() == std::vector<double>(6, 0.5));
      store.values().zero();
      CHECK(filter.computed().to_doubles() == std::vector<double>(6, 0.0));
    }
  }
}

TEST_CASE("store: without writes the copy in the compute type is not made again") {
  ParameterStore store;
  Parameter& filter = store.add("fc.weight", Role::weight, {Dim(2), 1, 1, 2});
  store.allocate(cpu(), DType::f32, DType::bf16);
  filter.computed();
  const std::uint64_t before = store.compute_copy().writes();
  filter.value.to_doubles();
  std::as_const(filter.value).data<float>();
  filter.computed();
  CHECK(store.compute_copy().writes() == before);
}

TEST_CASE("store: a compute type that does not go with the parameters is refused") {
  ParameterStore store;
  store.add("fc.weight", Role::weight, {Dim(2), 1, 1, 2});
  CHECK_THROWS_WITH_AS(store.allocate(cpu(), DType::f64, DType::bf16), "a net with parameters in f64 computes in f64, not in bf16", ConfigError);
  CHECK_THROWS_WITH_AS(store.allocate(cpu(), DType::f32, DType::f64), "a net with parameters in f32 computes in f32, bf16 or f16, not in f64",
                       ConfigError);
  CHECK_THROWS_AS(store.allocate(cpu(), DType::bf16, DType::bf16), ConfigError);
  store.allocate(cpu(), DType::f32, DType::f32);
  CHECK_FALSE(store.compute_copy());
}

}  // namespace pliant::test
