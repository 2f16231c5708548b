#include "tests/fuzz/target.h"

#include <cstdlib>
#include <filesystem>
#include <stdexcept>

#include "core/check.h"

namespace pliant::fuzz {

const std::vector<Target>& targets() {
  static const std::vector<Target> all{
      {"cifar", cifar_seeds, read_cifar_file, 40000},
      {"idx", idx_seeds, read_idx_file, 1500},
      {"image", image_seeds, read_image_file, 80000},
      {"image-folder", image_folder_seeds, read_image_folder, 25000},
      {"safetensors", safetensors_seeds, read_safetensors, 60000},
      {"checkpoint", checkpoint_seeds, read_checkpoint, 8000},
      {"description", description_seeds, read_description, 45000},
      {"record", record_seeds, read_record, 50000},
      {"command-line", command_line_seeds, read_command_line, 2500},
      {"value", value_seeds, read_value, 2500},
  };
  return all;
}

const Target& target(const std::string& name) {
  for (const Target& target : targets()) {
    if (target.name == name) return target;
  }
  throw std::out_of_range("no fuzz target \"" + name + "\"");
}

bool accepts(const Target& target, const Bytes& bytes) {
  try {
    target.read(bytes);
    return true;
  } catch (const Error&) {
    return false;
  }
}

const test::TemporaryFolder& scratch() {
  // Thousands of small files go to memory rather than to a disk.
  static const test::TemporaryFolder folder = [] {
    if (std::filesystem::is_directory("/dev/shm")) setenv("TMPDIR", "/dev/shm", 0);
    return test::TemporaryFolder();
  }();
  return folder;
}

Chosen choose(const Bytes& bytes, std::size_t choices) {
  if (bytes.empty()) return {0, {}};
  return {bytes[0] % choices, {bytes.begin() + 1, bytes.end()}};
}

Bytes chosen(std::size_t which, const Bytes& rest) {
  Bytes bytes{static_cast<std::uint8_t>(which)};
  bytes.insert(bytes.end(), rest.begin(), rest.end());
  return bytes;
}

Bytes chosen(std::size_t which, std::string_view rest) { return chosen(which, Bytes(rest.begin(), rest.end())); }

std::string text_of(const Bytes& bytes) { return {bytes.begin(), bytes.end()}; }

}  // namespace pliant::fuzz
