// Helpers of the tests that write files: whole files in and out, the rights of an ordinary user, expected errors.
#pragma once

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>

#include "tests/support/temporary_folder.h"

namespace pliant::test {

inline std::string file_in(const TemporaryFolder& folder, const std::string& name) { return (folder / name).string(); }

inline std::size_t entries_in(const TemporaryFolder& folder) {
  return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator(folder.path()), {}));
}

inline std::string read_all(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

inline void write_all(const std::string& path, const std::string& content) {
  std::ofstream(path, std::ios::binary) << content;
}

// Runs f with the rights of an ordinary user, also where the tests run as root, whom no permission stops.
template <class F>
void as_ordinary_user(F&& f) {
  const uid_t user = ::geteuid();
  const bool is_root = user == 0;
  if (is_root && ::seteuid(65534) != 0) throw std::runtime_error("cannot give up root's rights");
  f();
  if (is_root && ::seteuid(user) != 0) throw std::runtime_error("cannot take root's rights back");
}

// The message of the E that f throws; any other outcome fails the test.
template <class E, class F>
std::string message_of(F&& f) {
  try {
    f();
  } catch (const E& error) {
    return error.what();
  }
  throw std::runtime_error("nothing was thrown");
}

}  // namespace pliant::test
