#include "train/files/atomic_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <doctest/doctest.h>

#include "core/check.h"
#include "tests/train/file_helpers.h"

using namespace pliant;
using namespace pliant::test;

TEST_CASE("atomic file: content appears whole and replaces the old file") {
  TemporaryFolder folder;
  const std::string path = file_in(folder, "a.bin");
  write_file_atomically(path, "old");
  CHECK(read_all(path) == "old");
  {
    AtomicFile file(path);
    file.write("new ");
    file.write("content");
    CHECK(read_all(path) == "old");
    file.commit();
  }
  CHECK(read_all(path) == "new content");
  CHECK(entries_in(folder) == 1);
}

TEST_CASE("atomic file: without commit the old file stays and nothing is left behind") {
  TemporaryFolder folder;
  const std::string path = file_in(folder, "a.bin");
  write_file_atomically(path, "old");
  {
    AtomicFile file(path);
    file.write("half");
    CHECK(entries_in(folder) == 2);
  }
  CHECK(read_all(path) == "old");
  CHECK(entries_in(folder) == 1);
}

TEST_CASE("atomic file: what a killed writer left is removed and what another writes stays") {
  TemporaryFolder folder;
  const std::string path = file_in(folder, "a.bin"), left = path + ".tmp-1", written = path + ".tmp-2", other = file_in(folder, "a.bin.txt");
  for (const std::string& name : {left, written, other}) write_file_atomically(name, "half");
  const int writer = ::open(written.c_str(), O_RDONLY);
  REQUIRE(::flock(writer, LOCK_EX | LOCK_NB) == 0);
  write_file_atomically(path, "new");
  CHECK(::access(left.c_str(), F_OK) != 0);
  CHECK(read_all(written) == "half");
  CHECK(read_all(other) == "half");
  ::close(writer);
  write_file_atomically(path, "newer");
  CHECK(entries_in(folder) == 2);
}

TEST_CASE("atomic file: a full disk keeps the old file") {
  TemporaryFolder folder;
  const std::string path = file_in(folder, "a.bin");
  write_file_atomically(path, "old");
  rlimit before{};
  ::getrlimit(RLIMIT_FSIZE, &before);
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);  // the limit then shows as a failing write, as a full disk does
  const rlimit small{1000, before.rlim_max};
  ::setrlimit(RLIMIT_FSIZE, &small);
  std::string message;
  try {
    write_file_atomically(path, std::string(100'000, 'x'));
  } catch (const Error& error) {
    message = error.what();
  }
  ::setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, handler);
  CHECK(message.find(path + ": writing failed: File too large") == 0);
  CHECK(read_all(path) == "old");
  CHECK(entries_in(folder) == 1);
}

TEST_CASE("atomic file: a read-only folder is refused with path and reason") {
  TemporaryFolder folder;
  std::filesystem::permissions(folder.string(), std::filesystem::perms(0555));
  std::string message;
  as_ordinary_user([&] {
    message = message_of<Error>([&] { write_file_atomically(file_in(folder, "a.bin"), "x"); });
  });
  CHECK(message.find(file_in(folder, "a.bin") + ": cannot be written: Permission denied") == 0);
  CHECK(message.find('\n') == std::string::npos);
  CHECK(entries_in(folder) == 0);
  std::filesystem::permissions(folder.string(), std::filesystem::perms(0755));
}

TEST_CASE("atomic file: a missing folder and a folder as target are refused") {
  TemporaryFolder folder;
  CHECK_THROWS_AS(AtomicFile(file_in(folder, "missing/a.bin")), Error);
  CHECK(message_of<Error>([&] { AtomicFile file(folder.string()); }).find("not a regular file") != std::string::npos);
  CHECK_THROWS_AS(AtomicFile("/dev/null"), Error);
}

TEST_CASE("atomic file: a symbolic link keeps pointing at the replaced file") {
  TemporaryFolder folder;
  write_file_atomically(file_in(folder, "a.bin"), "old");
  std::filesystem::create_symlink("a.bin", file_in(folder, "link"));
  write_file_atomically(file_in(folder, "link"), "new");
  CHECK(std::filesystem::is_symlink(file_in(folder, "link")));
  CHECK(read_all(file_in(folder, "a.bin")) == "new");
}
