#include "core/gpu/simt_symbols.h"

#include <cxxabi.h>
#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "core/check.h"

namespace pliant::gpu::simt {
namespace {

std::uintptr_t load_address() {
  std::uintptr_t base = 0;
  dl_iterate_phdr(
      [](dl_phdr_info* info, std::size_t, void* data) {
        *static_cast<std::uintptr_t*>(data) = info->dlpi_addr;
        return 1;  // the first object is the program
      },
      &base);
  return base;
}

}  // namespace

const Symbols& Symbols::of_program() {
  static const Symbols symbols;
  return symbols;
}

Symbols::Symbols() {
  const int file = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
  if (file < 0) return;
  struct stat status {};
  if (fstat(file, &status) == 0 && status.st_size > 0) {
    // Never unmapped: the names point into it.
    const auto bytes = static_cast<std::size_t>(status.st_size);
    void* data = mmap(nullptr, bytes, PROT_READ, MAP_PRIVATE, file, 0);
    if (data != MAP_FAILED) read(static_cast<const unsigned char*>(data), bytes, load_address());
  }
  close(file);
}

void Symbols::read(const unsigned char* file, std::size_t bytes, std::uintptr_t base) {
  if (bytes < sizeof(Elf64_Ehdr) || std::memcmp(file, ELFMAG, SELFMAG) != 0 || file[EI_CLASS] != ELFCLASS64) return;
  const auto* header = reinterpret_cast<const Elf64_Ehdr*>(file);
  const auto* sections = reinterpret_cast<const Elf64_Shdr*>(file + header->e_shoff);
  for (unsigned s = 0; s < header->e_shnum; ++s) {
    if (sections[s].sh_type != SHT_SYMTAB) continue;
    complete_ = true;
    const auto* symbols = reinterpret_cast<const Elf64_Sym*>(file + sections[s].sh_offset);
    const char* names = reinterpret_cast<const char*>(file + sections[sections[s].sh_link].sh_offset);
    for (std::size_t i = 0; i < sections[s].sh_size / sizeof(Elf64_Sym); ++i) {
      const Elf64_Sym& symbol = symbols[i];
      if (symbol.st_size == 0 || symbol.st_shndx == SHN_UNDEF || symbol.st_shndx >= header->e_shnum) continue;
      const char* name = names + symbol.st_name;
      const int type = ELF64_ST_TYPE(symbol.st_info);
      if (type == STT_FUNC && std::strstr(name, "_kernel") != nullptr) {
        kernels_.push_back({base + symbol.st_value, symbol.st_size, name});
      } else if (type == STT_OBJECT && (sections[symbol.st_shndx].sh_flags & SHF_WRITE) != 0 &&
                 std::strncmp(name, "_ZZ", 3) == 0) {  // the mangling of what is local to a function
        variables_.push_back({base + symbol.st_value, symbol.st_size, name});
      }
    }
  }
  const auto by_start = [](const Symbol& a, const Symbol& b) { return a.start < b.start; };
  std::sort(kernels_.begin(), kernels_.end(), by_start);
  std::sort(variables_.begin(), variables_.end(), by_start);
}

const Symbol* Symbols::last_from(const std::vector<Symbol>& symbols, std::uintptr_t address) {
  auto after = std::upper_bound(symbols.begin(), symbols.end(), address,
                                [](std::uintptr_t value, const Symbol& symbol) { return value < symbol.start; });
  return after == symbols.begin() ? nullptr : &*--after;
}

const Symbol* Symbols::find(const std::vector<Symbol>& symbols, std::uintptr_t address) {
  const Symbol* symbol = last_from(symbols, address);
  return symbol != nullptr && address < symbol->start + symbol->bytes ? symbol : nullptr;
}

const Symbol* Symbols::variable_before(std::uintptr_t address) const { return last_from(variables_, address); }

std::string variable_name(const Symbol& variable) {
  const std::string name = demangle(variable.mangled);
  const std::size_t colon = name.rfind("::");
  return colon == std::string::npos ? name : name.substr(colon + 2);
}

std::string Symbols::kernel_name(const void* function) const {
  const Symbol* symbol = find(kernels_, reinterpret_cast<std::uintptr_t>(function));
  return symbol == nullptr ? cat("kernel at ", function) : short_name(demangle(symbol->mangled));
}

std::string demangle(const char* mangled) {
  int status = 0;
  char* text = abi::__cxa_demangle(mangled, nullptr, nullptr, &status);
  if (text == nullptr) return mangled;
  std::string result = text;
  std::free(text);
  return result;
}

std::string short_name(std::string_view text) {
  // "void a::(anonymous namespace)::f<float, (b::C)1>(float*)": the name begins after the last space or colon outside
  // brackets, and ends at the bracket of the parameters.
  std::size_t begin = 0, end = text.size();
  int depth = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (text.substr(i).starts_with("(anonymous namespace)::")) {
      i += std::strlen("(anonymous namespace)::") - 1;
      if (depth == 0) begin = i + 1;
    } else if (c == '(' && depth == 0) {
      end = i;
      break;
    } else if (c == '<' || c == '(') {
      ++depth;
    } else if (c == '>' || c == ')') {
      --depth;
    } else if ((c == ' ' || c == ':') && depth == 0) {
      begin = i + 1;
    }
  }
  std::string name{text.substr(begin, end - begin)};
  std::erase(name, ' ');
  return name;
}

}  // namespace pliant::gpu::simt
