#include <doctest/doctest.h>

#include <algorithm>
#include <cstring>
#include <random>
#include <vector>

#include "core/host_heap.h"

namespace pliant::test {

namespace {

constexpr std::size_t kKiB = 1024, kMiB = 1024 * kKiB;

struct Block {
  unsigned char* address;
  std::size_t bytes;
  unsigned char mark;
};

// From a free range, or after growing once.
Block take(HostHeap& heap, std::size_t bytes, unsigned char mark = 0) {
  void* address = heap.allocate(bytes);
  if (!address) {
    REQUIRE(heap.grow(bytes));
    address = heap.allocate(bytes);
  }
  REQUIRE(address != nullptr);
  return {static_cast<unsigned char*>(address), bytes, mark};
}

}  // namespace

TEST_CASE("host heap: neighbours join whatever the order they are freed in") {
  std::vector<std::size_t> order = {0, 1, 2};
  do {
    HostHeap heap;
    Block blocks[3];
    for (Block& block : blocks) block = take(heap, 64 * kKiB);
    const Block last = take(heap, kKiB);
    CHECK(heap.free_bytes() == 0);
    CHECK(heap.allocate(256) == nullptr);
    for (const std::size_t i : order) heap.release(blocks[i].address);
    CHECK(heap.free_bytes() == 192 * kKiB);
    CHECK(heap.allocate(192 * kKiB) == blocks[0].address);
    CHECK(heap.free_bytes() == 0);
    heap.release(last.address);
    CHECK(heap.free_bytes() == kKiB);
  } while (std::next_permutation(order.begin(), order.end()));
}

TEST_CASE("host heap: a request takes the smallest range that holds it") {
  HostHeap heap;
  Block blocks[6];
  const std::size_t sizes[] = {8 * kKiB, kKiB, 2 * kKiB, kKiB, 4 * kKiB, kKiB};
  for (int i = 0; i < 6; ++i) blocks[i] = take(heap, sizes[i]);
  for (const int i : {0, 2, 4}) heap.release(blocks[i].address);
  CHECK(heap.allocate(3 * kKiB) == blocks[4].address);
  CHECK(heap.allocate(2 * kKiB) == blocks[2].address);
  CHECK(heap.allocate(kKiB) == blocks[4].address + 3 * kKiB);
}

TEST_CASE("host heap: it grows by what a free range at its end lacks") {
  HostHeap heap;
  const Block first = take(heap, kMiB), last = take(heap, kMiB);
  heap.release(last.address);
  const Block longer = take(heap, 3 * kMiB);
  CHECK(longer.address == last.address);
  CHECK(heap.free_bytes() == 0);
  heap.release(first.address);
  CHECK(take(heap, 2 * kMiB).address == longer.address + 3 * kMiB);
  CHECK(heap.free_bytes() == kMiB);
}

TEST_CASE("host heap: a hole is preferred to free memory at the end that fits better") {
  HostHeap heap;
  const Block hole = take(heap, 2 * kMiB), wall = take(heap, kKiB), end = take(heap, kMiB);
  heap.release(hole.address);
  heap.release(end.address);
  CHECK(heap.allocate(kMiB) == hole.address);
  CHECK(heap.allocate(2 * kMiB) == nullptr);
  CHECK(heap.allocate(kMiB) == hole.address + kMiB);
  CHECK(heap.allocate(kMiB) == wall.address + kKiB);
}

TEST_CASE("host heap: what is free at the end goes back and other free pages are zero when they come again") {
  HostHeap heap;
  const Block first = take(heap, kMiB), kept = take(heap, kKiB), last = take(heap, kMiB);
  std::memset(first.address, 7, kMiB);
  std::memset(kept.address, 8, kKiB);
  heap.release(first.address);
  heap.release(last.address);
  heap.trim();
  CHECK(heap.free_bytes() == kMiB);
  CHECK(heap.allocate(kMiB) == first.address);
  CHECK(first.address[kMiB / 2] == 0);
  CHECK(kept.address[kKiB - 1] == 8);
  CHECK(heap.allocate(256) == nullptr);
  heap.release(first.address);
  heap.release(kept.address);
  heap.trim();
  CHECK(heap.free_bytes() == 0);
  CHECK(heap.allocate(256) == nullptr);
  CHECK(take(heap, kMiB).bytes == kMiB);
}

TEST_CASE("host heap: memory that the system cannot give is refused and the heap works on") {
  HostHeap heap;
  const Block block = take(heap, kMiB);
  CHECK_FALSE(heap.grow(std::size_t{1} << 60));
  CHECK(heap.free_bytes() == 0);
  heap.release(block.address);
  CHECK(heap.allocate(kMiB) == block.address);
}

TEST_CASE("host heap: blocks at random never overlap and all of it is free again at the end") {
  HostHeap heap;
  std::mt19937 random(3);
  std::vector<Block> blocks;
  for (int turn = 0; turn < 4000; ++turn) {
    if (blocks.empty() || random() % 5 < 3) {
      blocks.push_back(take(heap, HostHeap::kAlignment * (1 + random() % 64), static_cast<unsigned char>(random())));
      std::memset(blocks.back().address, blocks.back().mark, blocks.back().bytes);
      CHECK(reinterpret_cast<std::uintptr_t>(blocks.back().address) % HostHeap::kAlignment == 0);
    } else {
      std::swap(blocks[random() % blocks.size()], blocks.back());
      const Block block = blocks.back();
      CHECK(std::all_of(block.address, block.address + block.bytes, [&](unsigned char value) { return value == block.mark; }));
      heap.release(block.address);
      blocks.pop_back();
    }
  }
  for (const Block& block : blocks) heap.release(block.address);
  const std::size_t all = heap.free_bytes();  // all of it in one piece
  CHECK(heap.allocate(all) != nullptr);
}

}  // namespace pliant::test
