// A folder of its own for a test that writes files, removed with all its content, and whole-file reading and writing.
#pragma once

#include <stdlib.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>

namespace pliant::test {

class ScratchFolder {
 public:
  ScratchFolder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "pliant-test-XXXXXX").string();
    if (!::mkdtemp(pattern.data())) throw std::runtime_error("no temporary folder: " + pattern);
    path_ = pattern;
  }
  ~ScratchFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;

  std::string file(const std::string& name) const { return (path_ / name).string(); }
  std::string path() const { return path_.string(); }
  std::size_t entries() const {
    return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator(path_), {}));
  }

 private:
  std::filesystem::path path_;
};

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

// The message of the E that f throws; fails loudly for anything else.
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
