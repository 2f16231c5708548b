// Philox4x32-10 (Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011): a keyed
// bijection of a 128-bit counter. A number depends on its key and position alone, so the CPU, the emulator and the GPU
// draw the same bits, whatever the thread count or the batch order.
#pragma once

#include <array>
#include <cmath>
#include <cstdint>

#include "core/gpu/annotations.h"

namespace pliant {

// What a draw is for; part of the key, so that two purposes never share numbers.
enum class Purpose : std::uint32_t { init = 1, shuffle, augment, dropout, gate, split, synthetic, width, calibration };

struct PhiloxKey {
  std::uint32_t seed_low, seed_high;
};

// Four independent 32-bit words for one counter.
PLIANT_HOST_DEVICE inline std::array<std::uint32_t, 4> philox(std::array<std::uint32_t, 4> counter, PhiloxKey key) {
  std::uint32_t c0 = counter[0], c1 = counter[1], c2 = counter[2], c3 = counter[3];
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t p0 = std::uint64_t{0xD2511F53u} * c0;
    const std::uint64_t p1 = std::uint64_t{0xCD9E8D57u} * c2;
    const std::uint32_t n0 = static_cast<std::uint32_t>(p1 >> 32) ^ c1 ^ key.seed_low;
    const std::uint32_t n2 = static_cast<std::uint32_t>(p0 >> 32) ^ c3 ^ key.seed_high;
    c0 = n0;
    c1 = static_cast<std::uint32_t>(p1);
    c2 = n2;
    c3 = static_cast<std::uint32_t>(p0);
    key.seed_low += 0x9E3779B9u;
    key.seed_high += 0xBB67AE85u;
  }
  return {c0, c1, c2, c3};
}

// The stream of one thing: (seed, purpose, epoch, id), id being a sample, a parameter or a block.
struct RandomStream {
  PhiloxKey key;
  std::uint32_t epoch, id;

  PLIANT_HOST_DEVICE RandomStream(std::uint64_t seed, Purpose purpose, std::uint32_t epoch_, std::uint32_t id_)
      : key{static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32) ^ (static_cast<std::uint32_t>(purpose) << 24)},
        epoch(epoch_),
        id(id_) {}

  // Words 4*position to 4*position+3 of the stream.
  PLIANT_HOST_DEVICE std::array<std::uint32_t, 4> words(std::uint64_t position) const {
    return philox({static_cast<std::uint32_t>(position), static_cast<std::uint32_t>(position >> 32), epoch, id}, key);
  }
  PLIANT_HOST_DEVICE std::uint32_t word(std::uint64_t index) const { return words(index / 4)[index % 4]; }

  // Uniform in [0, 1), 24 bits, exact in float.
  PLIANT_HOST_DEVICE float uniform(std::uint64_t index) const { return static_cast<float>(word(index) >> 8) * 0x1p-24f; }

  // Uniform integer in [0, bound), bound > 0, by multiplication (bias below bound / 2^32).
  PLIANT_HOST_DEVICE std::uint32_t below(std::uint64_t index, std::uint32_t bound) const {
    return static_cast<std::uint32_t>((std::uint64_t{word(index)} * bound) >> 32);
  }

  // Standard normal by Box and Muller, in double; host only, for initialisation.
  double normal(std::uint64_t index) const {
    const auto w = words(index);
    const double u = (static_cast<double>(w[0]) + 0.5) * 0x1p-32, v = static_cast<double>(w[1]) * 0x1p-32;
    return std::sqrt(-2.0 * std::log(u)) * std::cos(6.283185307179586 * v);
  }
};

}  // namespace pliant
