#include "core/gpu/simt_shadow.h"

#include <algorithm>
#include <bit>

#include "core/check.h"
#include "core/gpu/simt_image.h"
#include "core/gpu/simt_symbols.h"

namespace pliant::gpu::simt {

namespace {

constexpr std::size_t kPage = Shadow::kPageBytes;

const char* name_of(Kind kind) {
  return kind == Kind::read ? "read" : kind == Kind::write ? "write" : "atomic operation";
}

// Calls f(page number, first byte in the page, bytes) for each page of a range.
template <class F>
void each_page(std::uintptr_t start, std::size_t bytes, F&& f) {
  while (bytes > 0) {
    const std::size_t offset = start % kPage, part = std::min(bytes, kPage - offset);
    f(start / kPage, offset, part);
    start += part;
    bytes -= part;
  }
}

// The bits of written[] for bytes [offset, offset + bytes), word by word: f(word, mask).
template <class Words, class F>
void each_word(Words& words, std::size_t offset, std::size_t bytes, F&& f) {
  while (bytes > 0) {
    const std::size_t bit = offset % 64, part = std::min<std::size_t>(bytes, 64 - bit);
    f(words[offset / 64], (part == 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << part) - 1) << bit, offset - bit);
    offset += part;
    bytes -= part;
  }
}

}  // namespace

void Shadow::add(std::uintptr_t start, std::size_t bytes, bool shared) {
  each_page(start, bytes, [&](std::uintptr_t number, std::size_t, std::size_t) {
    Page& page = pages_[number];
    page.start = start;
    page.bytes = bytes;
    page.shared = shared;
    if (shared) shared_pages_.push_back(&page);
  });
}

void Shadow::remove(std::uintptr_t start, std::size_t bytes) {
  each_page(start, bytes, [&](std::uintptr_t number, std::size_t, std::size_t) {
    Recent& recent = recent_[number % recent_.size()];
    if (recent.number == number) recent = {};
    pages_.erase(number);
  });
}

Shadow::Page* Shadow::find(std::uintptr_t address) {
  const std::uintptr_t number = address / kPage;
  Recent& recent = recent_[number % recent_.size()];
  if (recent.number == number) return recent.page;
  const auto found = pages_.find(number);
  if (found == pages_.end()) return nullptr;
  recent = {number, &found->second};
  return recent.page;
}

void Shadow::set_written(std::uintptr_t start, std::size_t bytes) {
  each_page(start, bytes, [&](std::uintptr_t number, std::size_t offset, std::size_t part) {
    each_word(find(number * kPage)->written, offset, part,
              [](std::uint64_t& word, std::uint64_t mask, std::size_t) { word |= mask; });
  });
}

void Shadow::copy_written(std::uintptr_t target, std::uintptr_t source, std::size_t bytes) {
  if (first_unwritten(source, bytes) == bytes) return set_written(target, bytes);
  for (std::size_t i = 0; i < bytes; ++i) {
    const std::size_t to = (target + i) % kPage;
    std::uint64_t& word = find(target + i)->written[to / 64];
    const std::uint64_t bit = std::uint64_t{1} << (to % 64);
    word = first_unwritten(source + i, 1) == 1 ? word | bit : word & ~bit;
  }
}

std::size_t Shadow::first_unwritten(std::uintptr_t start, std::size_t bytes) {
  std::size_t first = bytes;
  each_page(start, bytes, [&](std::uintptr_t number, std::size_t offset, std::size_t part) {
    if (first != bytes) return;
    each_word(find(number * kPage)->written, offset, part, [&](std::uint64_t word, std::uint64_t mask, std::size_t at) {
      if (first != bytes || (word & mask) == mask) return;
      first = number * kPage + at + static_cast<std::size_t>(std::countr_zero(~word & mask)) - start;
    });
  });
  return first;
}

void Shadow::begin_block() {
  for (Page* page : shared_pages_) page->written.fill(0);
}

void Shadow::end_launch() {
  for (Page* page : touched_) {
    spare_[page->shift].push_back(std::move(page->cells));
    page->shift = 2;
  }
  touched_.clear();
  shared_pages_.clear();
}

void Shadow::take_cells(Page& page, unsigned shift) {
  auto& spare = spare_[shift];
  const std::size_t count = kPage >> shift;
  if (spare.empty()) {
    page.cells = std::make_unique<Cell[]>(count);
  } else {
    page.cells = std::move(spare.back());
    spare.pop_back();
    std::fill_n(page.cells.get(), count, Cell{});
  }
  page.shift = shift;
}

void Shadow::split(Page& page, unsigned shift) {
  const std::unique_ptr<Cell[]> old = std::move(page.cells);
  const unsigned from = page.shift;
  take_cells(page, shift);
  for (std::size_t i = 0; i < kPage >> shift; ++i) page.cells[i] = old[i >> (from - shift)];
}

Shadow::Page* Shadow::page_of_variables(std::uintptr_t address) {
  if (part_of_image(address) != ImagePart::writable) return nullptr;
  Page& page = pages_[address / kPage];
  page.shared = true;
  return &page;
}

std::string Shadow::check(std::uintptr_t address, std::size_t bytes, Kind kind, const Order& order, unsigned thread) {
  std::string fault;
  const std::uintptr_t first = address;
  const std::size_t all = bytes;
  while (bytes > 0 && fault.empty()) {
    const std::size_t part = std::min(bytes, kPage - address % kPage);
    Page* page = find(address);
    if (page == nullptr) {
      if (kind == Kind::read && part_of_image(address) == ImagePart::constant) return {};
      page = page_of_variables(address);
      if (page == nullptr) return outside(first, all, kind);
    }
    if (page->start != 0) {
      if (address + part > page->start + page->bytes) return outside(first, all, kind);
    } else if (address < variable_start_ || address + part > variable_end_) {
      const Symbols& symbols = Symbols::of_program();
      const Symbol* variable = symbols.variable(address);
      if (symbols.complete() && (variable == nullptr || address + part > variable->start + variable->bytes)) {
        return outside(first, all, kind);
      }
      if (variable != nullptr) variable_start_ = variable->start, variable_end_ = variable->start + variable->bytes;
    }
    fault = check_page(*page, address, part, kind, order, thread);
    address += part;
    bytes -= part;
  }
  return fault;
}

std::string Shadow::check_page(Page& page, std::uintptr_t address, std::size_t bytes, Kind kind, const Order& order,
                               unsigned thread) {
  const std::size_t offset = address % kPage;
  if (page.cells == nullptr) {
    if (page.start == 0) {  // static variables: first touched by this launch
      page.written.fill(0);
      shared_pages_.push_back(&page);
    }
    take_cells(page, 2);
    touched_.push_back(&page);
  }
  bool unwritten = false;
  each_word(page.written, offset, bytes, [&](std::uint64_t& word, std::uint64_t mask, std::size_t) {
    if (kind == Kind::write) {
      word |= mask;
    } else {
      unwritten |= (word & mask) != mask;
    }
  });
  if (unwritten) return cat(name_of(kind), " of memory that was never written, ", describe(page, address, bytes));
  const auto fits = static_cast<unsigned>(std::min(2, std::countr_zero(offset | bytes)));
  if (fits < page.shift) split(page, fits);
  for (std::size_t i = offset >> page.shift; i < (offset + bytes + (1u << page.shift) - 1) >> page.shift; ++i) {
    Cell& cell = page.cells[i];
    if (!races(cell, kind, page.shared, order, thread)) {
      record(cell, kind, page.shared, order, thread);
      continue;
    }
    const bool wrote = cell.write.epoch != 0 && !(kind == Kind::atomic && cell.write.atomic) &&
                       (cell.write.foreign || !order.before(cell.write, thread) ||
                        (!page.shared && !order.in_this_block(cell.write)));
    const Access& other = wrote ? cell.write : cell.read;
    const uint3 block = order.block_of(other);
    const unsigned x = blockDim.x, y = blockDim.y, t = other.thread;
    return cat("race: ", name_of(kind), ' ', describe(page, address, bytes), ", which thread (", t % x, ',', t / x % y,
               ',', t / x / y, ") of block (", block.x, ',', block.y, ',', block.z, ") ", wrote ? "wrote" : "read",
               order.in_this_block(other) ? " with no barrier between" : " in the same launch");
  }
  return {};
}

}  // namespace pliant::gpu::simt
