#include "tests/support/temporary_folder.h"

#include <stdlib.h>  // mkdtemp is POSIX, not in <cstdlib>

#include <cerrno>
#include <fstream>

namespace pliant::test {

TemporaryFolder::TemporaryFolder() {
  std::string pattern = (std::filesystem::temp_directory_path() / "pliant-test-XXXXXX").string();
  if (!mkdtemp(pattern.data())) {
    throw std::filesystem::filesystem_error("no temporary folder", pattern,
                                            std::error_code(errno, std::generic_category()));
  }
  path_ = pattern;
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::filesystem::path TemporaryFolder::write(const std::string& name, std::span<const std::uint8_t> bytes) const {
  const std::filesystem::path path = path_ / name;
  std::filesystem::create_directories(path.parent_path());
  std::ofstream file(path, std::ios::binary);
  file.exceptions(std::ios::failbit | std::ios::badbit);
  if (!bytes.empty())
    file.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  file.close();
  return path;
}

std::filesystem::path TemporaryFolder::write(const std::string& name, const std::string& text) const {
  return write(name, std::span(reinterpret_cast<const std::uint8_t*>(text.data()), text.size()));
}

}  // namespace pliant::test
