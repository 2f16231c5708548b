// The program's own symbol table: the names of kernels and the places and sizes of static __shared__ arrays. Read once
// from the executable; a stripped executable has none, and kernels are then named by their address.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace pliant::gpu::simt {

struct Symbol {
  std::uintptr_t start = 0;
  std::size_t bytes = 0;
  const char* mangled = "";
};

class Symbols {
 public:
  static const Symbols& of_program();  // immutable once read

  // "row_sum_kernel<float>" for the address of such a function, without its namespaces, parameters and spaces.
  std::string kernel_name(const void* function) const;
  // The static variable of a function, writable, that holds the address, or none: a __shared__ array.
  const Symbol* variable(std::uintptr_t address) const { return find(variables_, address); }
  const Symbol* variable_before(std::uintptr_t address) const;  // the last one that starts at or before it, or none
  bool complete() const { return complete_; }  // false for a stripped program

 private:
  Symbols();
  void read(const unsigned char* file, std::size_t bytes, std::uintptr_t base);
  static const Symbol* last_from(const std::vector<Symbol>& symbols, std::uintptr_t address);
  static const Symbol* find(const std::vector<Symbol>& symbols, std::uintptr_t address);

  bool complete_ = false;
  std::vector<Symbol> kernels_;    // sorted by start
  std::vector<Symbol> variables_;  // sorted by start
};

std::string short_name(std::string_view demangled);  // without namespaces, parameters and spaces
std::string demangle(const char* mangled);
std::string variable_name(const Symbol& variable);  // "partial" for f(int)::partial

}  // namespace pliant::gpu::simt
