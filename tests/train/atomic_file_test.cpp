#include "train/files/atomic_file.h"

#include <sys/resource.h>
#include <sys/stat.h>

#include <csignal>
#include <doctest/doctest.h>

#include "core/check.h"
#include "tests/train/scratch.h"

using namespace pliant;
using namespace pliant::test;

TEST_CASE("atomic file: content appears whole and replaces the old file") {
  ScratchFolder folder;
  const std::string path = folder.file("a.bin");
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
  CHECK(folder.entries() == 1);
}

TEST_CASE("atomic file: without commit the old file stays and nothing is left behind") {
  ScratchFolder folder;
  const std::string path = folder.file("a.bin");
  write_file_atomically(path, "old");
  {
    AtomicFile file(path);
    file.write("half");
    CHECK(folder.entries() == 2);
  }
  CHECK(read_all(path) == "old");
  CHECK(folder.entries() == 1);
}

TEST_CASE("atomic file: a full disk keeps the old file") {
  ScratchFolder folder;
  const std::string path = folder.file("a.bin");
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
  CHECK(folder.entries() == 1);
}

TEST_CASE("atomic file: a read-only folder is refused with path and reason") {
  ScratchFolder folder;
  std::filesystem::permissions(folder.path(), std::filesystem::perms(0555));
  std::string message;
  as_ordinary_user([&] {
    message = message_of<Error>([&] { write_file_atomically(folder.file("a.bin"), "x"); });
  });
  CHECK(message.find(folder.file("a.bin") + ": cannot be written: Permission denied") == 0);
  CHECK(message.find('\n') == std::string::npos);
  CHECK(folder.entries() == 0);
  std::filesystem::permissions(folder.path(), std::filesystem::perms(0755));
}

TEST_CASE("atomic file: a missing folder and a folder as target are refused") {
  ScratchFolder folder;
  CHECK_THROWS_AS(AtomicFile(folder.file("missing/a.bin")), Error);
  CHECK(message_of<Error>([&] { AtomicFile file(folder.path()); }).find("not a regular file") != std::string::npos);
  CHECK_THROWS_AS(AtomicFile("/dev/null"), Error);
}

TEST_CASE("atomic file: a symbolic link keeps pointing at the replaced file") {
  ScratchFolder folder;
  write_file_atomically(folder.file("a.bin"), "old");
  std::filesystem::create_symlink("a.bin", folder.file("link"));
  write_file_atomically(folder.file("link"), "new");
  CHECK(std::filesystem::is_symlink(folder.file("link")));
  CHECK(read_all(folder.file("a.bin")) == "new");
}
