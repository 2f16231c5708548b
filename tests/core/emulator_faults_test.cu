// Kernels that are wrong on purpose: the emulator must report each of them in every thread order, and run the next
// kernel as if nothing had happened.
#include <doctest/doctest.h>

#if !defined(PLIANT_WITH_CUDA)

#include <string>
#include <vector>

#include "core/gpu/launch.h"
#include "tests/core/emulator_support.h"

namespace pliant {
namespace {

__global__ void good_kernel(float* y) { y[threadIdx.x] = static_cast<float>(threadIdx.x); }

// Launches the kernel in each order and checks that the report holds all of the texts, and that the device still works.
template <class... P, class... A>
void check_report(const std::vector<std::string>& texts, void (*kernel)(P...), dim3 grid, dim3 block,
                  std::size_t shared,
                  A... args) {
  for (Emulator device : emulators()) {
    auto x = device.upload(std::vector<float>(64, 1.0f));
    auto y = device.array<float>(64);
    const std::string report =
        report_of([&] { launch(kernel, grid, block, shared, device.stream(), x.get(), y.get(), args...); });
    CAPTURE(std::string(gpu::simt::name_of(device.stream()->order())));
    CAPTURE(report);
    for (const std::string& text : texts) CHECK(report.find(text) != std::string::npos);
    launch(good_kernel, dim3(1), dim3(64), 0, device.stream(), y.get());
    CHECK(y.download()[63] == 63.0f);
  }
}

// For faults that only the callbacks at loads and stores can see.
template <class... P, class... A>
void check_access_report(const std::vector<std::string>& texts, void (*kernel)(P...), dim3 grid, dim3 block,
                         std::size_t shared, A... args) {
  if (PLIANT_SIMT_ACCESS_CHECKS) {
    check_report(texts, kernel, grid, block, shared, args...);
  } else {
    MESSAGE("not run: under the address sanitizer kernels are compiled without access checks");
  }
}

__global__ void divergent_deadlock_kernel(const float*, float*) {
  if (threadIdx.x < 16) {
    __syncthreads();
  } else {
    __syncwarp();
  }
}
__global__ void divergent_places_kernel(const float*, float* y) {
  if (threadIdx.x < 16) {
    __syncthreads();
  } else {
    y[threadIdx.x] = 0.0f;
    __syncthreads();
  }
}
__global__ void skipped_barrier_kernel(const float*, float*) {
  for (unsigned i = 0; i < threadIdx.x % 2 + 1; ++i) __syncthreads();
  __syncthreads();
}
__global__ void foreign_mask_kernel(const float* x, float* y) {
  y[threadIdx.x] = __shfl_xor_sync(0xffffu, x[threadIdx.x], 1);
}
__global__ void outside_mask_kernel(const float* x, float* y) {
  if (threadIdx.x < 16) y[threadIdx.x] = __shfl_xor_sync(0xffffu, x[threadIdx.x], 16);
}
__global__ void returned_lane_kernel(const float* x, float* y) {
  if (threadIdx.x >= 8) return;
  y[threadIdx.x] = __shfl_down_sync(0xffffffffu, x[threadIdx.x], 1);
}
__global__ void different_shuffles_kernel(const float* x, float* y) {
  float v = x[threadIdx.x];
  if (threadIdx.x < 16) {
    v = __shfl_xor_sync(0xffffffffu, v, 1);
  } else {
    v = __shfl_down_sync(0xffffffffu, v, 1u);
  }
  y[threadIdx.x] = v;
}
__global__ void incomplete_mask_kernel(const float* x, float* y) {
  if (threadIdx.x < 16) {
    y[threadIdx.x] = __shfl_xor_sync(0xffffffffu, x[threadIdx.x], 1);
  } else {
    __syncwarp(0xffff0000u);
    __syncthreads();
  }
}
__global__ void misaligned_kernel(const float* x, float* y) { store4(y, load4(x + 1)); }

}  // namespace

TEST_CASE("emulator faults: barrier divergence") {
  check_report({"barrier divergence", "threads 0 to 15 at __syncthreads in emulator_faults_test.cu", "warp barrier"},
               divergent_deadlock_kernel, dim3(2), dim3(32), 0);
  check_report({"divergent_places_kernel, block (", "different barriers", "threads 0 to 15 at", "threads 16 to 63 at"},
               divergent_places_kernel, dim3(1), dim3(64), 0);
  check_report({"different barriers"}, skipped_barrier_kernel, dim3(1), dim3(32), 0);
}

TEST_CASE("emulator faults: lanes and masks") {
  check_report({"is outside its own mask 0xffff"}, foreign_mask_kernel, dim3(1), dim3(32), 0);
  check_report({"by a shuffle, outside the mask 0xffff"}, outside_mask_kernel, dim3(1), dim3(32), 0);
  check_report({"thread (7,0,0)", "reads lane 8", "returned or does not exist"},
               returned_lane_kernel, dim3(1), dim3(32), 0);
  check_report({"meet at different places"}, different_shuffles_kernel, dim3(1), dim3(32), 0);
  check_report({"no thread can go on", "warp barrier of mask 0xffffffff"},
               incomplete_mask_kernel, dim3(1), dim3(32), 0);
}

TEST_CASE("emulator faults: misaligned vector access") {
  check_report({"misaligned vector access"}, misaligned_kernel, dim3(1), dim3(1), 0);
}

namespace {

// Right, were there a barrier between the store to partial and the loads from it.
__global__ void missing_barrier_kernel(const float* x, float* y) {
  __shared__ float partial[64];
  partial[threadIdx.x] = x[threadIdx.x];
  for (unsigned half = 32; half > 0; half /= 2) {
    if (threadIdx.x < half) partial[threadIdx.x] += partial[threadIdx.x + half];
  }
  if (threadIdx.x == 0) y[0] = partial[0];
}
__global__ void unwritten_shared_kernel(const float*, float* y) {
  __shared__ float values[64];
  if (threadIdx.x != 5) values[threadIdx.x] = 1.0f;
  __syncthreads();
  y[threadIdx.x] = values[threadIdx.x];
}
// The second block reads what the first left behind, which a real device would not show either.
__global__ void stale_shared_kernel(const float*, float* y) {
  __shared__ int count;
  if (blockIdx.x == 0 && threadIdx.x == 0) count = 3;
  __syncthreads();
  if (threadIdx.x == 0) y[blockIdx.x] = static_cast<float>(count);
}
__global__ void unwritten_dynamic_kernel(const float*, float* y) {
  auto* halves = dynamic_shared<std::uint16_t>();
  halves[2 * threadIdx.x] = 1;
  __syncthreads();
  y[threadIdx.x] = halves[2 * threadIdx.x + (threadIdx.x == 9 ? 1 : 0)];
}
__global__ void unwritten_global_kernel(const float*, float* y) { y[threadIdx.x] += 1.0f; }
__global__ void half_written_kernel(const float*, float* y) {
  reinterpret_cast<std::uint16_t*>(y)[0] = 7;
  y[1] = y[0];
}
__global__ void unwritten_atomic_kernel(const float*, float* y) { atomicAdd(reinterpret_cast<int*>(y), 1); }

__global__ void shared_write_write_kernel(const float*, float* y) {
  __shared__ int winner;
  winner = static_cast<int>(threadIdx.x);
  __syncthreads();
  y[threadIdx.x] = static_cast<float>(winner);
}
__global__ void global_write_write_kernel(const float*, float* y) { y[threadIdx.x / 2] = 1.0f; }
__global__ void global_read_write_kernel(const float* x, float*) {
  auto* inout = const_cast<float*>(x);
  const float right = inout[(threadIdx.x + 1) % blockDim.x];
  inout[threadIdx.x] = right;
}
__global__ void blocks_write_kernel(const float*, float* y) { y[threadIdx.x] = static_cast<float>(threadIdx.x); }
__global__ void blocks_read_write_kernel(const float* x, float*) {
  auto* inout = const_cast<float*>(x);
  const unsigned i = blockIdx.x * blockDim.x + threadIdx.x;
  const float right = inout[(i + 1) % 64];
  __syncthreads();
  inout[i] = right;
}
__global__ void bytes_kernel(const float*, float* y) { reinterpret_cast<char*>(y)[threadIdx.x / 2] = 1; }
__global__ void atomic_and_plain_kernel(const float* x, float*) {
  auto* counter = reinterpret_cast<int*>(const_cast<float*>(x));
  if (threadIdx.x == 0) {
    *counter = 0;
  } else {
    atomicAdd(counter, 1);
  }
}
// Each half of the warp meets by itself, so the halves are not ordered.
__global__ void half_warps_kernel(const float*, float* y) {
  __shared__ float values[32];
  const unsigned mask = threadIdx.x < 16 ? 0xffffu : 0xffff0000u;
  values[threadIdx.x] = 1.0f;
  __syncwarp(mask);
  y[threadIdx.x] = values[31 - threadIdx.x];
}
__global__ void two_warps_kernel(const float*, float* y) {
  __shared__ float values[64];
  values[threadIdx.x] = 1.0f;
  __syncwarp();
  y[threadIdx.x] = values[63 - threadIdx.x];
}

__global__ void read_past_kernel(const float* x, float* y) {
  const unsigned i = threadIdx.x;
  y[i] = x[i + 1];
}
__global__ void write_past_kernel(const float*, float* y) { y[threadIdx.x + 1] = 0.0f; }
__global__ void write_before_kernel(const float*, float* y) { y[static_cast<int>(threadIdx.x) - 1] = 0.0f; }
__global__ void past_static_shared_kernel(const float*, float* y, int index) {
  __shared__ float values[5];
  values[index] = 1.0f;
  __syncthreads();
  y[0] = values[index];
}
__global__ void past_dynamic_shared_kernel(const float*, float*) { dynamic_shared<char>()[threadIdx.x] = 0; }
__global__ void host_pointer_kernel(const float*, float* y, const float* host) { y[0] = host[0]; }

}  // namespace

TEST_CASE("emulator faults: a missing barrier in a shared reduction") {
  // A race, or where the reading thread runs first, memory that was never written.
  check_access_report({"missing_barrier_kernel", "shared array partial of 256 bytes"}, missing_barrier_kernel, dim3(1),
                      dim3(64), 0);
}

TEST_CASE("emulator faults: reads of memory that was never written") {
  check_access_report({"thread (5,0,0): read of memory that was never written", "of 4 bytes at offset 20",
                       "shared array values"},
                      unwritten_shared_kernel, dim3(1), dim3(64), 0);
  check_access_report({"block (1,0,0)", "never written", "shared array count"},
                      stale_shared_kernel, dim3(2), dim3(32), 0);
  check_access_report({"thread (9,0,0)",
                       "never written, of 2 bytes at offset 38 of dynamic shared memory of 128 bytes"},
                      unwritten_dynamic_kernel, dim3(1), dim3(32), 128);
  check_access_report({"never written", "of a device allocation of 256 bytes"},
                      unwritten_global_kernel, dim3(1), dim3(64), 0);
  check_access_report({"never written, of 4 bytes at offset 0"}, half_written_kernel, dim3(1), dim3(1), 0);
  check_access_report({"atomic operation of memory that was never written"},
                      unwritten_atomic_kernel, dim3(1), dim3(1), 0);
}

TEST_CASE("emulator faults: races within a block") {
  check_access_report({"race: write of 4 bytes", "shared array winner", "wrote"},
                      shared_write_write_kernel, dim3(1), dim3(2), 0);
  check_access_report({"race: write", "device allocation", "wrote"}, global_write_write_kernel, dim3(1), dim3(64), 0);
  check_access_report({"race:", "device allocation"}, global_read_write_kernel, dim3(1), dim3(64), 0);
  check_access_report({"race: write of 1 bytes"}, bytes_kernel, dim3(1), dim3(64), 0);
  check_access_report({"race:"}, atomic_and_plain_kernel, dim3(1), dim3(2), 0);
  check_access_report({"race: read", "shared array values"}, half_warps_kernel, dim3(1), dim3(32), 0);
  check_access_report({"race: read", "shared array values"}, two_warps_kernel, dim3(1), dim3(64), 0);
}

TEST_CASE("emulator faults: races between blocks") {
  check_access_report({"race: write", "in the same launch"}, blocks_write_kernel, dim3(2), dim3(32), 0);
  check_access_report({"race:", "in the same launch"}, blocks_read_write_kernel, dim3(2), dim3(32), 0);
}

TEST_CASE("emulator faults: accesses out of bounds") {
  check_access_report({"thread (63,0,0): read out of bounds: 4 bytes at 0x",
                       "offset 256 of a device allocation of 256 bytes"},
                      read_past_kernel, dim3(1), dim3(64), 0);
  check_access_report({"thread (63,0,0): write out of bounds"}, write_past_kernel, dim3(1), dim3(64), 0);
  check_access_report({"thread (0,0,0): write out of bounds"}, write_before_kernel, dim3(1), dim3(64), 0);
  check_access_report({"write out of bounds",
                       "offset 20 of shared array values of 20 bytes"}, past_static_shared_kernel,
                      dim3(1), dim3(1), 0, 5);
  check_access_report({"thread (48,0,0): write out of bounds", "dynamic shared memory of 48 bytes"},
                      past_dynamic_shared_kernel, dim3(1), dim3(49), 48);
  float host = 1.0f;
  check_access_report({"read out of bounds", "in no live device allocation"},
                      host_pointer_kernel, dim3(1), dim3(1), 0, &host);
}

TEST_CASE("emulator faults: released memory") {
  if (!PLIANT_SIMT_ACCESS_CHECKS) {
    MESSAGE("not run: under the address sanitizer kernels are compiled without access checks");
    return;
  }
  for (Emulator device : emulators()) {
    auto* gone = static_cast<float*>(gpu::allocate(device.stream(), 256));
    gpu::release(device.stream(), gone);
    const std::string report =
        report_of([&] { launch(good_kernel, dim3(1), dim3(64), 0, device.stream(), gone); });
    CHECK(report.find("out of bounds") != std::string::npos);
  }
}

TEST_CASE("emulator faults: copies outside allocations and of bytes never written") {
  for (Emulator device : emulators()) {
    auto y = device.array<float>(4);
    std::vector<float> host(8, 0.0f);
    CHECK_THROWS_AS(gpu::copy_to_device(device.stream(), y.get(), host.data(), 20), DeviceError);
    CHECK_THROWS_AS(gpu::copy_to_host(device.stream(), host.data(), y.get() + 2, 12), DeviceError);
    CHECK_THROWS_AS(gpu::set_zero(device.stream(), host.data(), 4), DeviceError);
    gpu::copy_to_device(device.stream(), y.get(), host.data(), 12);
    if (PLIANT_SIMT_ACCESS_CHECKS) {
      CHECK(report_of([&] { y.download(); }) == "copy_to_host: byte 12 of 16 was never written");
      auto z = device.upload(std::vector<float>(4, 1.0f));
      gpu::copy(device.stream(), z.get(), y.get(), 16);
      CHECK(report_of([&] { z.download(); }) == "copy_to_host: byte 12 of 16 was never written");
    }
  }
}

}  // namespace pliant

#endif
