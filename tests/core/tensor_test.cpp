#include <limits>
#include "core/tensor.h"

#include <doctest/doctest.h>

#include "core/memory_ops.h"
#include "tests/support/compare.h"
#include "tests/support/contexts.h"

namespace pliant::test {

TEST_CASE("shape: sizes, negative indices and limits") {
  const Shape shape{2, 3, 5};
  CHECK(shape.size() == 30);
  CHECK(shape[-1] == 5);
  CHECK(Shape{}.size() == 1);
  CHECK(cat(shape) == "[2, 3, 5]");
  CHECK_THROWS_AS(shape[3], ShapeError);
  CHECK_THROWS_AS((Shape{1, 2, 3, 4, 5}), ShapeError);
  CHECK_THROWS_AS((Shape{-1}), ShapeError);
}

TEST_CASE("tensor: copies share memory and clones do not") {
  Tensor a = Tensor::from_host<float>(cpu(), {4}, std::vector<float>{1, 2, 3, 4});
  CHECK_FALSE(a.shares_memory());
  Tensor b = a, c = a.clone();
  CHECK(a.shares_memory());
  b.data<float>()[0] = 9;
  CHECK(a.to_host<float>()[0] == 9);
  CHECK(c.to_host<float>()[0] == 1);
}

TEST_CASE("tensor: rows, reshape and view are parts of the same memory") {
  Tensor a = Tensor::from_host<float>(cpu(), {3, 2}, std::vector<float>{0, 1, 2, 3, 4, 5});
  CHECK(a.rows(1, 2).to_host<float>() == std::vector<float>{2, 3, 4, 5});
  CHECK(a.rows(3, 0).size() == 0);
  CHECK(a.reshape({6}).rows(4, 2).to_host<float>() == std::vector<float>{4, 5});
  CHECK(a.view(1, {2}).view(1, {1}).to_host<float>() == std::vector<float>{2});
  CHECK_THROWS_AS(a.rows(2, 2), ShapeError);
  CHECK_THROWS_AS(a.reshape({5}), ShapeError);
  CHECK_THROWS_AS(a.view(5, {2}), ShapeError);
}

TEST_CASE("tensor: wrong types, wrong sizes and empty tensors are refused") {
  Tensor a(cpu(), {3});
  CHECK_THROWS_AS(a.data<double>(), ShapeError);
  CHECK_THROWS_AS(a.to_host<std::int32_t>(), ShapeError);
  CHECK_THROWS_AS(Tensor().context(), ShapeError);
  CHECK_THROWS_AS(Tensor::from_host<float>(cpu(), {3}, std::vector<float>{1}), ShapeError);
  CHECK_THROWS_AS(a.copy_from(Tensor(cpu(), {4})), ShapeError);
}

TEST_CASE("tensor: values survive a trip to every device") {
  const Tensor host = random_tensor(cpu(), {3, 7}, DType::f32, 1);
  for (const NamedContext& gpu : gpu_contexts()) {
    CAPTURE(gpu.name);
    const Tensor there = host.to(*gpu.context);
    CHECK(bit_equal(there, host));
    CHECK(bit_equal(there.rows(1, 1).clone(), host.rows(1, 1)));
    Tensor zero = there.clone();
    zero.zero();
    CHECK(zero.to_doubles() == std::vector<double>(21, 0.0));
    CHECK(bit_equal(there.to(cpu()), host));
  }
}

TEST_CASE("kernel: tensors of two contexts are refused") {
  Context other(Device::cpu);
  const Tensor x(cpu(), {3});
  Tensor y(other, {3});
  CHECK_THROWS_WITH_AS(kernels::accumulate(x, y), doctest::Contains("two contexts"), ShapeError);
}

TEST_CASE("kernel: a context that checks for finite values names the op") {
  ContextOptions options;
  options.check_finite = true;
  Context checked(Device::cpu, options);
  Tensor y(checked, {3});
  kernels::fill(y, 1.0);
  CHECK_THROWS_WITH_AS(kernels::fill(y, std::numeric_limits<double>::infinity()), doctest::Contains("fill: wrote inf at element 0"), Error);
}

TEST_CASE("memory pool: size classes waste at most an eighth and are reused") {
  for (const std::size_t bytes : {std::size_t{1}, std::size_t{256}, std::size_t{257}, std::size_t{5000}, std::size_t{1} << 20, (std::size_t{1} << 20) + 1}) {
    const std::size_t taken = MemoryPool::size_class(bytes);
    CHECK(taken >= bytes);
    CHECK(taken <= std::max<std::size_t>(256, bytes + bytes / 8 + 256));
    CHECK(MemoryPool::size_class(taken) == taken);
  }
}

TEST_CASE("memory pool: a freed block serves the next request that it holds") {
  Context context(Device::cpu);
  if (!context.pool().caches()) {
    MESSAGE("the pool passes every request through in this build");
    return;
  }
  const auto& counters = context.pool().counters();
  { Tensor a(context, {1000}); }
  CHECK(counters.driver_allocations == 1);
  CHECK(counters.live_bytes == 0);
  CHECK(counters.peak_bytes == 4096);
  CHECK(counters.cached_bytes >= 4096);
  {
    Tensor b(context, {1001});
    CHECK(counters.driver_allocations == 1);
    CHECK(counters.live_bytes == 4096);
    context.pool().seal(true);
    CHECK_THROWS_WITH_AS(Tensor(context, {std::int64_t{1} << 30}), doctest::Contains("reaches the driver"), DeviceError);
    context.pool().seal(false);
  }
  context.pool().fail_from(2);
  CHECK_THROWS_WITH_AS(Tensor(context, {1}), doctest::Contains("no memory for 4 bytes on the host: 0 bytes are in use, at most 4096 were"), MemoryError);
  context.pool().trim();
  CHECK(counters.cached_bytes == 0);
}

TEST_CASE("context: a device that cannot be used says why") {
#if defined(PLIANT_WITH_CUDA)
  CHECK_THROWS_AS(Context{Device::emulated}, DeviceError);
#else
  CHECK_THROWS_WITH_AS(Context{Device::cuda}, doctest::Contains("no CUDA"), DeviceError);
#endif
  ContextOptions options;
  options.threads = -1;
  CHECK_THROWS_AS(Context(Device::cpu, options), ConfigError);
}

}  // namespace pliant::test
