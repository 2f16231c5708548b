// Readers fed with bytes that anybody may have written. A reader takes them or throws pliant::Error; any other exception, a crash, or a
// result that breaks its own promises (PLIANT_INVARIANT) is a mistake of ours. The same targets run in every build over their seeds and
// mutations of them (fuzz_test.cpp), and under libFuzzer where Clang builds with sanitizers (tests/fuzz/libfuzzer).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "tests/support/temporary_folder.h"

namespace pliant::fuzz {

using Bytes = std::vector<std::uint8_t>;

struct Target {
  std::string name;
  std::vector<Bytes> (*seeds)();     // what the reader takes, made by code
  void (*read)(const Bytes& bytes);
  int brief;  // inputs that take libFuzzer about six seconds
};

const std::vector<Target>& targets();
const Target& target(const std::string& name);  // std::out_of_range for a name that is none

// False where the reader refuses the bytes by an Error; whatever else it throws passes through.
bool accepts(const Target& target, const Bytes& bytes);

// The folder of this process that files under test are written to.
const test::TemporaryFolder& scratch();

// Inputs of a target with several readers begin with a byte that chooses one.
struct Chosen {
  std::size_t which;
  Bytes rest;
};
Chosen choose(const Bytes& bytes, std::size_t choices);
Bytes chosen(std::size_t which, const Bytes& rest);
Bytes chosen(std::size_t which, std::string_view rest);
std::string text_of(const Bytes& bytes);

// data_targets.cpp
void read_cifar_file(const Bytes& bytes);
std::vector<Bytes> cifar_seeds();
void read_idx_file(const Bytes& bytes);
std::vector<Bytes> idx_seeds();
void read_image_folder(const Bytes& bytes);
std::vector<Bytes> image_folder_seeds();
// image_targets.cpp
void read_image_file(const Bytes& bytes);
std::vector<Bytes> image_seeds();
// file_targets.cpp
void read_safetensors(const Bytes& bytes);
std::vector<Bytes> safetensors_seeds();
void read_checkpoint(const Bytes& bytes);
std::vector<Bytes> checkpoint_seeds();
// text_targets.cpp
void read_description(const Bytes& bytes);
std::vector<Bytes> description_seeds();
void read_record(const Bytes& bytes);
std::vector<Bytes> record_seeds();
// command_targets.cpp
void read_command_line(const Bytes& bytes);
std::vector<Bytes> command_line_seeds();
void read_value(const Bytes& bytes);
std::vector<Bytes> value_seeds();

}  // namespace pliant::fuzz
