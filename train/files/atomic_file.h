// A file that appears whole or not at all: written beside its place, flushed to the disk, then renamed over the old
// one. Until commit() succeeds the old file stays as it was; whatever fails, the temporary file is removed. A process
// that is killed in between leaves "<path>.tmp-<process id>" behind, never a half-written file under the name; the next
// writer of that file removes it.
// Errors are Error (exit code 1, the work failed): FileError is for files that are read and do not fit.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace pliant {

class AtomicFile {
 public:
  // Opens the temporary file. A symbolic link is followed, so that the link stays. Refuses a path that exists and is
  // not a regular file (a folder, a device) and a folder that is missing or cannot be written.
  explicit AtomicFile(const std::string& path);
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  void write(std::span<const std::byte> bytes);
  void write(std::string_view text);

  // Flushes the file, renames it and flushes its folder. At most once, last.
  void commit();

 private:
  [[noreturn]] void fail(const char* action, int error_number);
  void discard() noexcept;

  std::string path_;       // as given, for messages
  std::string target_;     // links resolved
  std::string temporary_;  // empty once renamed or removed
  int descriptor_ = -1;
};

// The whole content at once.
void write_file_atomically(const std::string& path, std::string_view text);

}  // namespace pliant
