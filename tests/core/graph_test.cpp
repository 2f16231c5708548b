// Capture and replay, by recording emulators or a CUDA device: what runs when, what is refused, and whose memory it uses.
#include <doctest/doctest.h>

#include "core/memory_ops.h"
#include "tests/support/contexts.h"

#if !defined(PLIANT_WITH_CUDA)
#include "core/gpu/simt_device.h"
#endif

namespace pliant::test {

namespace {

std::vector<float> ones(std::size_t size, float value = 1.0f) { return std::vector<float>(size, value); }

std::shared_ptr<MemoryPool> graph_pool(Context& context) {
  return std::make_shared<MemoryPool>(true, context.stream(), MemoryPool::Use::of_graphs);
}

}  // namespace

TEST_CASE("graph: captured work runs at every replay in its order and not before") {
  for (const auto& [name, context] : gpu_contexts()) {
    CAPTURE(name);
    Tensor sum = Tensor::zeros(*context, {300}), one(*context, {300}), copied = Tensor::zeros(*context, {300});
    kernels::fill(one, 1.0);
    gpu::begin_capture(context->stream());
    CHECK(gpu::is_capturing(context->stream()));
    kernels::accumulate(one, sum);
    copied.copy_from(sum);
    kernels::fill(one, 2.0);
    sum.zero();
    kernels::accumulate(one, sum);
    const gpu::Graph graph = gpu::end_capture(context->stream());
    CHECK_FALSE(gpu::is_capturing(context->stream()));
    CHECK(graph.nodes() == 5);
    CHECK(sum.to_host<float>() == ones(300, 0.0f));
    graph.replay();
    CHECK(copied.to_host<float>() == ones(300));
    CHECK(sum.to_host<float>() == ones(300, 2.0f));
    graph.replay();
    CHECK(copied.to_host<float>() == ones(300, 4.0f));
    kernels::accumulate(one, sum);  // eager work goes on between replays
    CHECK(sum.to_host<float>() == ones(300, 4.0f));
  }
}

TEST_CASE("graph: what needs the host is refused by name and spoils no capture") {
  for (const auto& [name, context] : gpu_contexts()) {
    CAPTURE(name);
    Tensor x = Tensor::zeros(*context, {8});
    const std::vector<float> values(8, 3.0f);
    gpu::begin_capture(context->stream());
    kernels::fill(x, 5.0);
    CHECK_THROWS_WITH_AS(x.to_host<float>(), doctest::Contains("refused while a graph is captured"), DeviceError);
    CHECK_THROWS_WITH_AS(x.write(values.data()), doctest::Contains("to"), DeviceError);
    CHECK_THROWS_WITH_AS(context->synchronize(), doctest::Contains("ynchronize"), DeviceError);
    CHECK_THROWS_WITH_AS(gpu::allocate(context->stream(), 64), doctest::Contains("alloc"), DeviceError);
    CHECK_THROWS_AS(gpu::begin_capture(context->stream()), DeviceError);
    const gpu::Graph graph = gpu::end_capture(context->stream());
    CHECK(graph.nodes() == 1);
    graph.replay();
    CHECK(x.to_host<float>() == ones(8, 5.0f));
    CHECK_THROWS_AS(gpu::end_capture(context->stream()), DeviceError);
  }
}

TEST_CASE("graph: an abandoned capture leaves nothing and the stream goes on") {
  for (const auto& [name, context] : gpu_contexts()) {
    CAPTURE(name);
    Tensor x = Tensor::zeros(*context, {8});
    gpu::begin_capture(context->stream());
    kernels::fill(x, 5.0);
    gpu::abandon_capture(context->stream());
    gpu::abandon_capture(context->stream());
    CHECK(x.to_host<float>() == ones(8, 0.0f));
    kernels::fill(x, 1.0);
    CHECK(x.to_host<float>() == ones(8));
    gpu::Graph graph;
    CHECK_FALSE(graph);
    gpu::begin_capture(context->stream());
    kernels::fill(x, 2.0);
    graph = gpu::end_capture(context->stream());
    gpu::Graph moved = std::move(graph);
    moved.replay();
    CHECK(x.to_host<float>() == ones(8, 2.0f));
  }
}

TEST_CASE("graph: a sealed pool serves a capture from what a first run left and keeps it") {
  for (const auto& [name, context] : gpu_contexts()) {
    CAPTURE(name);
    Tensor y = Tensor::zeros(*context, {500});
    const auto pool = graph_pool(*context);
    const auto step = [&] {
      Tensor a(*context, {500}), b(*context, {500});
      kernels::fill(a, 1.0);
      { Tensor gone(*context, {100}); }
      b.copy_from(a);
      kernels::accumulate(b, a);
      kernels::accumulate(a, y);
    };
    gpu::Graph graph;
    {
      const PoolScope scope(*context, pool);
      step();
      pool->seal(true);
      const std::int64_t requests = pool->counters().driver_allocations;
      gpu::begin_capture(context->stream());
      step();
      graph = gpu::end_capture(context->stream());
      CHECK(pool->counters().driver_allocations == requests);
      CHECK_THROWS_WITH_AS(Tensor(*context, {5000}), doctest::Contains("while a graph is captured"), DeviceError);
    }
    CHECK(pool->counters().live_bytes == 0);
    CHECK(pool->counters().cached_bytes > 0);
    CHECK(&context->pool() != pool.get());
    for (int i = 0; i < 3; ++i) graph.replay();
    CHECK(y.to_host<float>() == ones(500, 8.0f));
  }
}

TEST_CASE("graph: a tensor goes back to the pool that it came from and keeps it alive") {
  Context context(Device::cpu);
  auto pool = std::make_shared<MemoryPool>(false, gpu::Stream{}, MemoryPool::Use::of_graphs);
  Tensor kept, outer(context, {10});
  {
    const PoolScope scope(context, pool);
    kept = Tensor(context, {10});
    outer = {};  // of the context's own pool
    CHECK(pool->counters().live_bytes == MemoryPool::size_class(40));
  }
  CHECK(context.pool().counters().live_bytes == 0);
  const std::weak_ptr<MemoryPool> watched = pool;
  pool.reset();
  CHECK_FALSE(watched.expired());
  kept = {};
  CHECK(watched.expired());
}

#if !defined(PLIANT_WITH_CUDA)

TEST_CASE("graph: a replay on memory that was given back and a launch that fails are reported") {
  Context context(Device::emulated);
  Tensor x = Tensor::zeros(context, {8}), y = Tensor::zeros(context, {8});
  gpu::begin_capture(context.stream());
  kernels::accumulate(y, x);
  const gpu::Graph graph = gpu::end_capture(context.stream());
  context.stream()->faults.launches = 0;
  CHECK_THROWS_WITH_AS(graph.replay(), doctest::Contains("accumulate_kernel<float>: the launch fails on purpose"), DeviceError);
  context.stream()->faults.launches = -1;
  graph.replay();
  if (PLIANT_SIMT_ACCESS_CHECKS) {
    y = {};  // every block of the context's own pool is the heap's
    CHECK_THROWS_WITH_AS(graph.replay(), doctest::Contains("accumulate_kernel"), DeviceError);
  }
  kernels::fill(x, 2.0);
  CHECK(x.to_host<float>() == ones(8, 2.0f));
}

TEST_CASE("graph: requests for memory fail when told to and the pool says how much is in use") {
  Context context(Device::emulated);
  context.stream()->faults.allocations = 1;
  Tensor x(context, {8});
  CHECK_THROWS_WITH_AS(Tensor(context, {80}), doctest::Contains("no memory for 320 bytes on the GPU: 32 bytes are in use"), MemoryError);
  context.stream()->faults.allocations = -1;
  CHECK_NOTHROW(Tensor(context, {80}));
}

#endif

}  // namespace pliant::test
