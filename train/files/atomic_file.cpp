#include "train/files/atomic_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "core/check.h"

namespace pliant {
namespace {

// Writing through "latest -> run7.bin" must replace run7.bin, not the link.
std::string follow_links(const std::string& path) {
  std::error_code error;
  if (!std::filesystem::is_symlink(path, error)) return path;
  const auto target = std::filesystem::canonical(path, error);
  PLIANT_REQUIRE(Error, !error, path, ": cannot be written: the link leads nowhere (", error.message(), ")");
  return target.string();
}

std::string folder_of(const std::string& path) {
  const std::string folder = std::filesystem::path(path).parent_path().string();
  return folder.empty() ? "." : folder;
}

int open_new(const std::string& path) {
  constexpr int kFlags = O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC;
  int descriptor = ::open(path.c_str(), kFlags, 0666);
  if (descriptor < 0 && errno == EEXIST) {  // left by a killed process that had our id, where files cannot be locked
    ::unlink(path.c_str());
    descriptor = ::open(path.c_str(), kFlags, 0666);
  }
  return descriptor;
}

// Removes what killed processes left beside a file. A writer holds a lock on its own temporary file.
void remove_leftovers(const std::string& target) {
  const std::string beginning = std::filesystem::path(target).filename().string() + ".tmp-";
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(folder_of(target), ignored)) {
    if (!entry.path().filename().string().starts_with(beginning)) continue;
    const int descriptor = ::open(entry.path().c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (descriptor < 0) continue;
    if (::flock(descriptor, LOCK_EX | LOCK_NB) == 0) ::unlink(entry.path().c_str());
    ::close(descriptor);
  }
}

}  // namespace

AtomicFile::AtomicFile(const std::string& path) : path_(path), target_(follow_links(path)) {
  struct stat status {};
  // A rename over a device such as /dev/null would destroy it.
  PLIANT_REQUIRE(Error, ::stat(target_.c_str(), &status) != 0 || S_ISREG(status.st_mode), path_,
                 ": cannot be written: it exists and is not a regular file; name another file");
  remove_leftovers(target_);
  temporary_ = cat(target_, ".tmp-", ::getpid());
  descriptor_ = open_new(temporary_);
  if (descriptor_ < 0) {
    const int reason = errno;
    temporary_.clear();
    fail("cannot be written", reason);
  }
  ::flock(descriptor_, LOCK_EX | LOCK_NB);  // file systems without locks keep leftovers instead
}

AtomicFile::~AtomicFile() { discard(); }

void AtomicFile::discard() noexcept {
  if (descriptor_ >= 0) ::close(descriptor_);
  descriptor_ = -1;
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
  temporary_.clear();
}

void AtomicFile::fail(const char* action, int error_number) {
  discard();
  throw Error(cat(path_, ": ", action, ": ", std::strerror(error_number), " (folder ", folder_of(target_),
                  "); an older file of this name is unchanged"));
}

void AtomicFile::write(std::span<const std::byte> bytes) {
  PLIANT_INVARIANT(descriptor_ >= 0, "write after commit or failure: ", path_);
  while (!bytes.empty()) {
    const ssize_t written = ::write(descriptor_, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) fail("writing failed", errno);
    bytes = bytes.subspan(static_cast<std::size_t>(written));
  }
}

void AtomicFile::write(std::string_view text) { write(std::as_bytes(std::span(text.data(), text.size()))); }

void AtomicFile::commit() {
  PLIANT_INVARIANT(descriptor_ >= 0, "commit twice or after failure: ", path_);
  if (::fsync(descriptor_) != 0) fail("flushing to the disk failed", errno);
  const int closed = ::close(descriptor_);
  descriptor_ = -1;
  if (closed != 0) fail("closing failed", errno);
  if (::rename(temporary_.c_str(), target_.c_str()) != 0) fail("renaming the temporary file failed", errno);
  temporary_.clear();
  // The file is whole by now. Some file systems cannot flush a folder; that only delays when the name is durable.
  const int folder = ::open(folder_of(target_).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder >= 0) {
    ::fsync(folder);
    ::close(folder);
  }
}

void write_file_atomically(const std::string& path, std::string_view text) {
  AtomicFile file(path);
  file.write(text);
  file.commit();
}

}  // namespace pliant
