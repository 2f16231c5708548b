// A folder for one test, removed with everything in it when the test ends. Not for files that another process writes.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>

namespace pliant::test {

class TemporaryFolder {
 public:
  TemporaryFolder();  // throws std::filesystem::filesystem_error if none can be made
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  const std::filesystem::path& path() const { return path_; }
  std::string string() const { return path_.string(); }
  std::filesystem::path operator/(const std::string& name) const { return path_ / name; }

  // Writes a file below the folder, making the folders on its way; returns its path.
  std::filesystem::path write(const std::string& name, std::span<const std::uint8_t> bytes) const;
  std::filesystem::path write(const std::string& name, const std::string& text) const;

 private:
  std::filesystem::path path_;
};

}  // namespace pliant::test
