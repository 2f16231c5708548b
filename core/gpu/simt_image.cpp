#include "core/gpu/simt_image.h"

#include <link.h>

#include <vector>

namespace pliant::gpu::simt {

namespace {

struct Range {
  std::uintptr_t begin, end;
  bool contains(std::uintptr_t address) const { return address >= begin && address < end; }
};

struct Image {
  std::vector<Range> constant, writable;
  bool is_program = true;

  Image() {
    dl_iterate_phdr(
        [](dl_phdr_info* info, std::size_t, void* data) {
          static_cast<Image*>(data)->add(*info);
          return 0;
        },
        this);
  }

  void add(const dl_phdr_info& info) {
    for (int i = 0; i < info.dlpi_phnum; ++i) {
      const auto& header = info.dlpi_phdr[i];
      const Range range{info.dlpi_addr + header.p_vaddr, info.dlpi_addr + header.p_vaddr + header.p_memsz};
      const bool writes = (header.p_flags & PF_W) != 0;
      if (header.p_type == PT_GNU_RELRO || (header.p_type == PT_LOAD && !writes)) constant.push_back(range);
      if (header.p_type == PT_LOAD && writes && is_program) writable.push_back(range);
    }
    is_program = false;  // the first object is the program, the others are shared libraries
  }
};

}  // namespace

ImagePart part_of_image(std::uintptr_t address) {
  static const Image image;
  for (const Range& range : image.constant) {
    if (range.contains(address)) return ImagePart::constant;
  }
  for (const Range& range : image.writable) {
    if (range.contains(address)) return ImagePart::writable;
  }
  return ImagePart::none;
}

}  // namespace pliant::gpu::simt
