// Host memory in ranges: a request takes the smallest free range that holds it, or what is behind all ranges, and free neighbours join
// again. Small blocks of one part of a step thereby serve as large ones of another, and a step needs little more than lives at its worst
// moment. Address space is reserved ahead, so that the heap stays one piece; pages that nobody wrote cost nothing. One thread at a time.
#pragma once

#include <cstddef>
#include <map>
#include <set>
#include <vector>

namespace pliant {

class HostHeap {
 public:
  HostHeap() = default;
  ~HostHeap();
  HostHeap(const HostHeap&) = delete;
  HostHeap& operator=(const HostHeap&) = delete;

  // bytes: a multiple of kAlignment above 0. Null where memory has to grow; std::bad_alloc where there is none for the books.
  void* allocate(std::size_t bytes);
  bool grow(std::size_t bytes);  // by what allocate(bytes) lacks; false where the system has no memory left
  void release(void* block) noexcept;
  void trim() noexcept;  // gives the pages of free ranges back to the system

  std::size_t free_bytes() const { return free_bytes_; }

  static constexpr std::size_t kAlignment = 256;

 private:
  using Address = std::byte*;
  using BySize = std::set<std::pair<std::size_t, Address>>;

  struct Range {
    std::size_t bytes;
    BySize::node_type entry;  // its place in by_size_, kept here while the range is taken, so that freeing it needs no memory
  };
  using Ranges = std::map<Address, Range>;

  struct Region {  // of reserved address space: ranges up to `end`, the last of them taken, then free memory up to `grown`
    Address begin, end, grown, limit;
  };

  static bool is_free(Ranges::const_iterator range) { return range->second.entry.empty(); }
  Region& region_of(Address address);
  Ranges::iterator add(Address address, std::size_t bytes);  // taken
  void* allocate_at_end(std::size_t bytes);
  bool reserve(std::size_t bytes);  // a region; false where there is no address space
  void list(Ranges::iterator range) noexcept;
  void unlist(Ranges::iterator range) noexcept;

  Ranges ranges_;
  BySize by_size_;  // the free ones
  std::vector<Region> regions_;
  std::size_t free_bytes_ = 0;
};

}  // namespace pliant
