// Memory of training on the CPU: no memory at any request, no request once a step has run, and two thousand steps that hold still.
#include <doctest/doctest.h>
#include <unistd.h>

#include <fstream>

#include "tests/support/compare.h"
#include "tests/support/tiny_net.h"
#include "train/train_step.h"

namespace pliant::test {

namespace {

TrainConfig small_config() {
  TrainConfig config;
  config.epochs = 1000;
  config.batch = 2;
  config.rate = 1e-4;
  return config;
}

NetDescription one_block() {
  NetDescription d = tiny_resnet();
  d.exits = {1};
  d.last_stage = 1;
  return d;
}

// A net that trains on one batch again and again.
class Training {
 public:
  Training(Context& context, const NetDescription& d)
      : net_(make_net(context, d, DType::f32)),
        step_(net_, small_config()),
        batch_{random_tensor(context, {2, d.height, d.width, d.channels}, DType::f32, 1), Tensor::from_host(context, {2}, std::vector<std::int32_t>{0, 1}),
               Tensor::from_host(context, {2}, std::vector<std::int32_t>{4, 1})},
        key_(random_key(context, 1, 0)),
        loss_(Tensor::zeros(context, {1})),
        correct_(Tensor::zeros(context, {1}, DType::i32)) {
    step_.begin_epoch(0, 0);
  }
  void run(int steps) {
    for (int i = 0; i < steps; ++i) step_.run(batch_, key_, 0, done_++, 1e-4, loss_, correct_);
  }

 private:
  Net net_;
  TrainStep step_;
  Batch batch_;
  Tensor key_, loss_, correct_;
  std::int64_t done_ = 0;
};

#if !defined(__SANITIZE_ADDRESS__)  // which keeps what was freed
std::int64_t resident_bytes() {
  std::int64_t size = 0, resident = 0;
  std::ifstream("/proc/self/statm") >> size >> resident;
  return resident * sysconf(_SC_PAGESIZE);
}
#endif

}  // namespace

TEST_CASE("host memory: memory that is missing from any request of a training on is reported and nothing leaks") {
  const auto train = [](Context& context) { Training(context, one_block()).run(2); };
  std::int64_t requests = 0;
  {
    Context context(Device::cpu, {.threads = 1});
    train(context);
    requests = context.pool().counters().requests;
  }
  REQUIRE(requests > 100);
  for (std::int64_t n = 0; n < requests; ++n) {
    CAPTURE(n);
    Context context(Device::cpu, {.threads = 1});
    context.pool().fail_from(n);
    CHECK_THROWS_WITH_AS(train(context), doctest::Contains("bytes are in use"), MemoryError);
    context.pool().fail_from(-1);
    CHECK(context.pool().counters().live_bytes == 0);
    if (n % 10 == 0) CHECK_NOTHROW(train(context));  // it works on
  }
}

TEST_CASE("host memory: steps ask the system for nothing from the third on") {
  for (const char* name : {"resnet20", "lenet5", "mobilenet-v1", "densenet40", "b-lenet", "mlp", "preresnet20"}) {
    CAPTURE(name);
    NetDescription d = default_description(name);
    if (d.height == 32) d.height = d.width = 16;
    Context context(Device::cpu);
    Training training(context, d);
    training.run(2);
    const MemoryPool::Counters before = context.pool().counters();
    training.run(2);
    const MemoryPool::Counters after = context.pool().counters();
    if (context.pool().caches()) CHECK(after.driver_allocations == before.driver_allocations);
    CHECK(after.live_bytes == before.live_bytes);
    CHECK(after.peak_bytes == before.peak_bytes);
  }
}

TEST_CASE("host memory: two thousand steps hold still") {
  Context context(Device::cpu, {.threads = 1});
  Training training(context, one_block());
  training.run(20);
  const MemoryPool::Counters before = context.pool().counters();
#if defined(__SANITIZE_ADDRESS__)
  training.run(180);
#else
  const std::int64_t resident = resident_bytes();
  training.run(1980);
  CHECK(resident_bytes() - resident <= 256 * 1024);
#endif
  const MemoryPool::Counters after = context.pool().counters();
  if (context.pool().caches()) CHECK(after.driver_allocations == before.driver_allocations);
  CHECK(after.live_bytes == before.live_bytes);
  CHECK(after.peak_bytes == before.peak_bytes);
}

}  // namespace pliant::test
