// Correct kernels on the emulator: right results and no report in any thread order.
#include <doctest/doctest.h>

#if !defined(PLIANT_WITH_CUDA)

#include <numeric>
#include <vector>

#include "core/gpu/launch.h"
#include "kernels/gpu/warp.cuh"
#include "tests/core/emulator_support.h"

namespace pliant {
namespace {

__global__ void scale_kernel(const float* __restrict__ x, float* __restrict__ y, float factor, int n) {
  const int i = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
  if (i >= n) return;
  y[i] = factor * x[i];
}

template <int kRounds>
__global__ void block_sum_kernel(const float* __restrict__ x, float* __restrict__ y, int n) {
  float sum = 0.0f;
  for (int i = static_cast<int>(threadIdx.x); i < n; i += static_cast<int>(blockDim.x)) sum += x[blockIdx.x * n + i];
  for (int round = 0; round < kRounds; ++round) {
    const float total = kernels::gpu::block_sum(sum);
    const float top = kernels::gpu::block_max(sum);
    if (threadIdx.x == 0) y[blockIdx.x * 2] = total, y[blockIdx.x * 2 + 1] = top;
  }
}

__global__ void histogram_kernel(const int* __restrict__ x, int* __restrict__ counts, int n, int bins) {
  int* local = dynamic_shared<int>();
  for (int b = static_cast<int>(threadIdx.x); b < bins; b += static_cast<int>(blockDim.x)) local[b] = 0;
  __syncthreads();
  const int i = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
  if (i < n) atomicAdd(&local[x[i]], 1);
  __syncthreads();
  for (int b = static_cast<int>(threadIdx.x); b < bins; b += static_cast<int>(blockDim.x)) {
    atomicAdd(&counts[b], local[b]);
  }
}

__global__ void votes_kernel(unsigned* __restrict__ y, int live) {
  const unsigned lane = threadIdx.x % 32;
  if (threadIdx.x >= static_cast<unsigned>(live)) return;
  const unsigned mask = live == 32 ? 0xffffffffu : (1u << live) - 1;
  const unsigned odd = __ballot_sync(mask, static_cast<int>(lane & 1));
  const int any = __any_sync(mask, lane == 3), all = __all_sync(mask, lane < 32);
  const unsigned up = __shfl_up_sync(mask, lane, 1u), first = __shfl_sync(mask, lane + 7, 0);
  __syncwarp(mask);
  y[threadIdx.x] = (odd == (0xaaaaaaaau & mask)) + 2 * (any == (live > 3)) + 4 * (all == 1) +
                   8 * (up == (lane == 0 ? 0 : lane - 1)) + 16 * (first == 7);
}

__global__ void vector_kernel(const float* __restrict__ x, float* __restrict__ y, int n) {
  const int i = 4 * static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
  if (i + 4 <= n) {
    float4 v = load4(x + i);
    v.x += 1.0f, v.w += 4.0f;
    store4(y + i, v);
  }
}

struct Pair {
  short first, second;
};
template <class T>
__device__ Pair pair_of(T x) {
  return {static_cast<short>(x), static_cast<short>(-x)};
}
__global__ void structs_kernel(Pair* __restrict__ y, short* __restrict__ z) {
  y[threadIdx.x] = pair_of(threadIdx.x);  // the store of a call's result
  const Pair copy = y[threadIdx.x];
  z[threadIdx.x] = copy.second;  // neighbouring threads write halves of one word
}

}  // namespace

TEST_CASE("emulator: an element-wise kernel with idle threads") {
  for (Emulator device : emulators()) {
    for (const int n : {1, 255, 256, 257, 1000}) {
      std::vector<float> x(static_cast<std::size_t>(n));
      std::iota(x.begin(), x.end(), -3.0f);
      auto in = device.upload(x);
      auto out = device.array<float>(x.size());
      launch_1d(scale_kernel, n, device.stream(), in.get(), out.get(), 2, std::int64_t{n});
      for (std::size_t i = 0; i < x.size(); ++i) REQUIRE(out.download()[i] == 2.0f * x[i]);
    }
    launch_1d(scale_kernel, 0, device.stream(), nullptr, nullptr, 2, 0);
    CHECK(device.stream()->runs().size() == 3);  // 1, 255 and 256 elements take one block
  }
}

TEST_CASE("emulator: a reduction by shuffles and barriers") {
  for (Emulator device : emulators()) {
    for (const unsigned threads : {32u, 96u, 1024u}) {
      std::vector<float> x(3 * 100);
      std::iota(x.begin(), x.end(), 0.0f);
      auto in = device.upload(x);
      auto out = device.array<float>(6);
      launch(block_sum_kernel<3>, dim3(3), dim3(threads), 0, device.stream(), in.get(), out.get(), 100);
      const std::vector<float> y = out.download();
      for (std::size_t b = 0; b < 3; ++b) CHECK(y[2 * b] == 100.0f * (100.0f * static_cast<float>(b) + 49.5f));
    }
  }
}

TEST_CASE("emulator: a histogram by atomics in dynamic shared and global memory") {
  for (Emulator device : emulators()) {
    std::vector<int> x(1000);
    for (std::size_t i = 0; i < x.size(); ++i) x[i] = static_cast<int>(i * i % 7);
    auto in = device.upload(x);
    auto counts = device.upload(std::vector<int>(7, 0));
    launch(histogram_kernel, dim3(8), dim3(128), 7 * sizeof(int), device.stream(), in.get(), counts.get(), 1000, 7);
    std::vector<int> expected(7, 0);
    for (const int value : x) ++expected[static_cast<std::size_t>(value)];
    CHECK(counts.download() == expected);
  }
}

TEST_CASE("emulator: votes and shuffles in whole and partial warps") {
  for (Emulator device : emulators()) {
    for (const int live : {1, 5, 31, 32}) {
      auto out = device.array<unsigned>(static_cast<std::size_t>(live));
      launch(votes_kernel, dim3(1), dim3(32), 0, device.stream(), out.get(), live);
      CHECK(out.download() == std::vector<unsigned>(static_cast<std::size_t>(live), 31u));
    }
  }
}

TEST_CASE("emulator: vector loads and stores at aligned addresses") {
  for (Emulator device : emulators()) {
    auto in = device.upload(std::vector<float>(8, 1.0f));
    auto out = device.array<float>(8);
    launch_1d(vector_kernel, 2, device.stream(), in.get(), out.get(), 8);
    CHECK(out.download() == std::vector<float>{2, 1, 1, 5, 2, 1, 1, 5});
  }
}

TEST_CASE("emulator: structs and 16-bit elements") {
  for (Emulator device : emulators()) {
    auto pairs = device.array<Pair>(33);
    auto seconds = device.array<short>(33);
    launch(structs_kernel, dim3(1), dim3(33), 0, device.stream(), pairs.get(), seconds.get());
    CHECK(pairs.download()[32].first == 32);
    CHECK(seconds.download()[31] == -31);
  }
}

TEST_CASE("emulator: shapes that no device runs are refused") {
  for (Emulator device : emulators()) {
    auto data = device.upload(std::vector<float>(4, 1.0f));
    CHECK_THROWS_AS(launch(vector_kernel, dim3(1), dim3(1025), 0,
                           device.stream(), data.get(), data.get(), 4), DeviceError);
    CHECK_THROWS_AS(launch(vector_kernel, dim3(0), dim3(32), 0,
                           device.stream(), data.get(), data.get(), 4), DeviceError);
    CHECK_THROWS_AS(launch(vector_kernel, dim3(1), dim3(32), 300000,
                           device.stream(), data.get(), data.get(), 4), DeviceError);
  }
}

}  // namespace pliant

#endif
