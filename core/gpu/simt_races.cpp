// The race rules of the shadow memory, one cell at a time: two accesses of one launch, at least one of them a write,
// not both atomic, and no order between them. Readers are kept exactly within one warp and one epoch, as "several warps"
// or "several blocks" beyond; the first unordered pair is reported, so a cell never holds two.
#include <bit>

#include "core/check.h"
#include "core/gpu/simt_shadow.h"
#include "core/gpu/simt_symbols.h"

namespace pliant::gpu::simt {

bool Shadow::readers_before(const Cell& cell, const Order& order, unsigned thread, bool shared) {
  const Access& read = cell.read;
  if (read.epoch == 0) return true;
  if (!order.in_this_block(read)) return shared;
  if (read.foreign) return false;
  if (!order.in_this_epoch(read)) return true;
  if (read.many || read.thread / 32 != thread / 32) return !read.many && order.before(read, thread);
  for (unsigned rest = cell.readers & ~(1u << thread % 32); rest != 0; rest &= rest - 1) {
    if (!order.met_since(thread, static_cast<unsigned>(std::countr_zero(rest)), read.clock)) return false;
  }
  return true;
}

bool Shadow::races(const Cell& cell, Kind kind, bool shared, const Order& order, unsigned thread) {
  const Access& write = cell.write;
  if (write.epoch != 0 && !(kind == Kind::atomic && write.atomic)) {
    if (!order.in_this_block(write)) {
      if (!shared) return true;
    } else if (write.foreign || !order.before(write, thread)) {
      return true;
    }
  }
  return kind != Kind::read && !readers_before(cell, order, thread, shared);
}

void Shadow::record(Cell& cell, Kind kind, bool shared, const Order& order, unsigned thread) {
  Access now = order.access_by(thread, kind == Kind::atomic);
  if (kind != Kind::read) {
    const Access& last = cell.write;
    if (kind == Kind::atomic && last.atomic && last.epoch != 0) {
      const bool elsewhere = !order.in_this_block(last);
      now.foreign = !shared && (last.foreign || elsewhere);
      now.many = !elsewhere && order.in_this_epoch(last) && !order.before(last, thread);
    }
    cell.write = now;
    cell.read.epoch = 0;
    return;
  }
  Access& last = cell.read;
  const unsigned lane = 1u << thread % 32;
  if (last.epoch != 0 && order.in_this_epoch(last)) {
    if (last.thread / 32 != thread / 32) {
      last.many = 1;
    } else {
      cell.readers = order.all_met_since(last) ? lane : cell.readers | lane;
      last.clock = now.clock;
      last.thread = now.thread;
    }
    return;
  }
  now.foreign = !shared && last.epoch != 0 && (last.foreign || !order.in_this_block(last));
  last = now;
  cell.readers = lane;
}

std::string Shadow::describe(const Page& page, std::uintptr_t address, std::size_t bytes) const {
  std::uintptr_t start = page.start;
  std::string what = cat(page.shared ? "dynamic shared memory" : "a device allocation", " of ", page.bytes, " bytes");
  if (start == 0) {
    const Symbol* variable = Symbols::of_program().variable(address);
    start = variable != nullptr ? variable->start : address;
    what = variable != nullptr ? cat("shared array ", variable_name(*variable), " of ", variable->bytes, " bytes")
                               : std::string("static shared memory");
  }
  return cat("of ", bytes, " bytes at offset ", address - start, " of ", what);
}

std::string Shadow::outside(std::uintptr_t address, std::size_t bytes, Kind kind) const {
  const char* names[] = {"read", "write", "atomic operation"};
  std::string where = "is in no live device allocation and in no shared array";
  std::uintptr_t before = 0;
  std::size_t size = 0;
  std::string what = "a device allocation";
  for (const auto& [number, page] : pages_) {
    if (page.start != 0 && page.start <= address && page.start > before) {
      before = page.start;
      size = page.bytes;
      what = page.shared ? "dynamic shared memory" : "a device allocation";
    }
  }
  if (const Symbol* variable = Symbols::of_program().variable_before(address);
      variable != nullptr && variable->start > before) {
    before = variable->start;
    size = variable->bytes;
    what = cat("shared array ", variable_name(*variable));
  }
  if (before != 0 && address - before < size + (1u << 20)) {
    where = cat("is at offset ", address - before, " of ", what, " of ", size, " bytes");
  }
  std::ostringstream hexadecimal;
  hexadecimal << "0x" << std::hex << address;
  return cat(names[static_cast<int>(kind)], " out of bounds: ", bytes, " bytes at ", hexadecimal.str(), ", which ",
             where);
}

}  // namespace pliant::gpu::simt
