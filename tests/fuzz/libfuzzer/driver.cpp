// The program `fuzz TARGET FOLDER [flags]`: libFuzzer over one target, with a corpus in the folder that begins with the target's seeds.
// `fuzz --list` prints the targets, each with the number of inputs of a brief run. An exception that is no pliant::Error ends it, like any
// report of a sanitizer.
#include <cstdlib>
#include <filesystem>
#include <iostream>

#include "tests/fuzz/target.h"
#include "train/data/bytes.h"

namespace {

const pliant::fuzz::Target* chosen = nullptr;

void list_targets() {
  for (const auto& target : pliant::fuzz::targets()) std::cout << target.name << " " << target.brief << "\n";
}

}  // namespace

extern "C" int LLVMFuzzerInitialize(int* count, char*** arguments) {
  const std::string name = *count > 1 ? (*arguments)[1] : "";
  if (name == "--list") {
    list_targets();
    std::exit(0);
  }
  if (*count < 3) {
    std::cerr << "usage: fuzz TARGET FOLDER [libFuzzer's flags], or fuzz --list\n";
    std::exit(2);
  }
  chosen = &pliant::fuzz::target(name);
  const std::filesystem::path folder = (*arguments)[2];
  std::filesystem::create_directories(folder);
  int number = 0;
  for (const auto& seed : chosen->seeds()) pliant::write_data_file(folder / ("seed" + std::to_string(number++)), seed);
  (*arguments)[1] = (*arguments)[0];  // libFuzzer sees the rest
  ++*arguments;
  --*count;
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  pliant::fuzz::accepts(*chosen, {bytes, bytes + size});
  return 0;
}
