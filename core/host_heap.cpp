#include "core/host_heap.h"

#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <utility>

namespace pliant {

namespace {

constexpr std::size_t kSmallRegion = std::size_t{64} << 20;

// Address space as large as memory; less where the process may not have that much of it.
std::size_t region_bytes() {
  rlimit limit{};
  if (getrlimit(RLIMIT_AS, &limit) != 0 || limit.rlim_cur != RLIM_INFINITY) return kSmallRegion;
  const long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
  return pages > 0 && page > 0 ? std::max(kSmallRegion, static_cast<std::size_t>(pages) * static_cast<std::size_t>(page)) : kSmallRegion;
}

// Of the system itself, since an allocator, or its checker, takes such a request for memory. Null where there is none.
std::byte* address_space(std::size_t bytes) {
  void* const begin = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  return begin != MAP_FAILED ? static_cast<std::byte*>(begin) : nullptr;
}

void give_space_back(std::byte* begin, std::byte* end) noexcept { munmap(begin, static_cast<std::size_t>(end - begin)); }

// Those that lie within as a whole.
void give_pages_back(std::byte* begin, std::byte* end) noexcept {
  const auto page = static_cast<std::uintptr_t>(sysconf(_SC_PAGESIZE));
  const std::uintptr_t first = (reinterpret_cast<std::uintptr_t>(begin) + page - 1) / page * page;
  const std::uintptr_t last = reinterpret_cast<std::uintptr_t>(end) / page * page;
  if (first < last) madvise(reinterpret_cast<void*>(first), last - first, MADV_DONTNEED);
}

}  // namespace

HostHeap::~HostHeap() {
  for (const Region& region : regions_) give_space_back(region.begin, region.limit);
}

void* HostHeap::allocate(std::size_t bytes) {
  const auto smallest = by_size_.lower_bound({bytes, nullptr});
  if (smallest == by_size_.end()) return allocate_at_end(bytes);
  const auto range = ranges_.find(smallest->second);
  if (range->second.bytes > bytes) {
    const auto rest = add(range->first + bytes, range->second.bytes - bytes);
    unlist(range);
    range->second.bytes = bytes;
    list(rest);
  } else {
    unlist(range);
  }
  return range->first;
}

void* HostHeap::allocate_at_end(std::size_t bytes) {
  for (Region& region : regions_) {
    if (static_cast<std::size_t>(region.grown - region.end) < bytes) continue;
    const auto range = add(region.end, bytes);
    region.end += bytes;
    free_bytes_ -= bytes;
    return range->first;
  }
  return nullptr;
}

bool HostHeap::grow(std::size_t bytes) {
  for (int attempt = 0; attempt < 2; ++attempt) {
    for (Region& region : regions_) {
      if (static_cast<std::size_t>(region.limit - region.end) < bytes) continue;
      free_bytes_ += static_cast<std::size_t>(region.end + bytes - region.grown);
      region.grown = region.end + bytes;
      return true;
    }
    if (!reserve(bytes)) return false;
  }
  return false;
}

void HostHeap::release(void* block) noexcept {
  auto range = ranges_.find(static_cast<Address>(block));
  Region& region = region_of(range->first);
  const auto next = std::next(range);
  if (range->first + range->second.bytes != region.end && is_free(next)) {
    unlist(next);
    range->second.bytes += next->second.bytes;
    ranges_.erase(next);
  }
  if (range->first != region.begin && is_free(std::prev(range))) {
    const auto last = range--;
    unlist(range);
    range->second.bytes += last->second.bytes;
    ranges_.erase(last);
  }
  if (range->first + range->second.bytes == region.end) {
    region.end = range->first;
    free_bytes_ += range->second.bytes;
    ranges_.erase(range);
  } else {
    list(range);
  }
}

void HostHeap::trim() noexcept {
  for (const auto& [address, range] : ranges_) {
    if (range.entry.empty()) give_pages_back(address, address + range.bytes);
  }
  for (Region& region : regions_) {
    give_pages_back(region.end, region.grown);
    free_bytes_ -= static_cast<std::size_t>(region.grown - region.end);
    region.grown = region.end;
  }
  std::erase_if(regions_, [](const Region& region) {
    if (region.end == region.begin) give_space_back(region.begin, region.limit);
    return region.end == region.begin;
  });
}

HostHeap::Region& HostHeap::region_of(Address address) {
  return *std::find_if(regions_.begin(), regions_.end(), [&](const Region& region) { return region.begin <= address && address < region.limit; });
}

// The range and its entry are made before anything changes, as there may be no memory for them.
HostHeap::Ranges::iterator HostHeap::add(Address address, std::size_t bytes) {
  BySize books;
  books.emplace(bytes, address);
  const auto range = ranges_.emplace(address, Range{bytes, {}}).first;
  range->second.entry = books.extract(books.begin());
  return range;
}

// Where there is no room for a region there may be for less. Large pages where the system has them: a step touches all of its memory.
bool HostHeap::reserve(std::size_t bytes) {
  regions_.reserve(regions_.size() + 1);
  std::size_t taken = std::max(bytes, region_bytes());
  Address begin = address_space(taken);
  while (!begin && taken > bytes) begin = address_space(taken = std::max(bytes, taken / 2 / kAlignment * kAlignment));
  if (!begin) return false;
  regions_.push_back({begin, begin, begin, begin + taken});
  madvise(begin, taken, MADV_HUGEPAGE);  // a hint: what it answers does not matter
  return true;
}

void HostHeap::list(Ranges::iterator range) noexcept {
  free_bytes_ += range->second.bytes;
  range->second.entry.value() = {range->second.bytes, range->first};
  by_size_.insert(std::move(range->second.entry));
}

void HostHeap::unlist(Ranges::iterator range) noexcept {
  free_bytes_ -= range->second.bytes;
  range->second.entry = by_size_.extract({range->second.bytes, range->first});
}

}  // namespace pliant
