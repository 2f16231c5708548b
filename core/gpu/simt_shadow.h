// What the emulator knows of each byte that kernels touch: whether it lies in a live allocation or shared array,
// whether it was ever written, and who read and wrote it last in this launch. Memory comes in pages of 4 KiB, no two
// regions share one (static __shared__ arrays excepted, whose places the symbol table gives). Race records are kept for words
// of 4 bytes, and for halves or bytes on pages where something smaller is accessed, only while a launch runs.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "core/gpu/simt_order.h"

namespace pliant::gpu::simt {

enum class Kind : std::uint8_t { read, write, atomic };

class Shadow {
 public:
  static constexpr std::size_t kPageBytes = 4096;

  void add(std::uintptr_t start, std::size_t bytes, bool shared);  // page-aligned, never written
  void remove(std::uintptr_t start, std::size_t bytes);
  void set_written(std::uintptr_t start, std::size_t bytes);
  void copy_written(std::uintptr_t target, std::uintptr_t source, std::size_t bytes);
  // Offset of the first byte that was never written, or `bytes`.
  std::size_t first_unwritten(std::uintptr_t start, std::size_t bytes);

  void begin_block();  // shared memory becomes never written
  void end_launch();
  // Records an access of the thread; the report of a fault, or "".
  std::string access(std::uintptr_t address, std::size_t bytes, Kind kind, const Order& order, unsigned thread) {
    return bytes == 0 ? std::string() : check(address, bytes, kind, order, thread);
  }

 private:
  struct Cell {
    Access write, read;
    std::uint32_t readers = 0;  // lanes of the warp of read.thread, in its epoch
  };
  struct Page {
    std::uintptr_t start = 0;   // of the region; 0 on pages of static variables
    std::size_t bytes = 0;      // of the region
    bool shared = false;
    unsigned shift = 2;         // a cell is 1 << shift bytes
    std::array<std::uint64_t, kPageBytes / 64> written{};
    std::unique_ptr<Cell[]> cells;  // null until touched by the launch that runs
  };

  Page* find(std::uintptr_t address);
  Page* page_of_variables(std::uintptr_t address);
  void take_cells(Page& page, unsigned shift);
  void split(Page& page, unsigned shift);
  std::string check(std::uintptr_t address, std::size_t bytes, Kind kind, const Order& order, unsigned thread);
  std::string check_page(Page& page, std::uintptr_t address, std::size_t bytes, Kind kind, const Order& order,
                         unsigned thread);
  static bool readers_before(const Cell& cell, const Order& order, unsigned thread, bool shared);
  static bool races(const Cell& cell, Kind kind, bool shared, const Order& order, unsigned thread);
  static void record(Cell& cell, Kind kind, bool shared, const Order& order, unsigned thread);
  std::string describe(const Page& page, std::uintptr_t address, std::size_t bytes) const;
  std::string outside(std::uintptr_t address, std::size_t bytes, Kind kind) const;

  std::unordered_map<std::uintptr_t, Page> pages_;  // by address / kPageBytes
  struct Recent {
    std::uintptr_t number = 0;
    Page* page = nullptr;
  };
  std::array<Recent, 1024> recent_{};
  std::vector<Page*> touched_;       // hold cells
  std::vector<Page*> shared_pages_;  // of this launch
  std::vector<std::unique_ptr<Cell[]>> spare_[3];
  std::uintptr_t variable_start_ = 0, variable_end_ = 0;  // the static variable accessed last
};

}  // namespace pliant::gpu::simt
