#include "train/data/fetch.h"

#include <doctest/doctest.h>

#include <cstdlib>
#include <filesystem>
#include <iterator>
#include <utility>

#include "core/check.h"
#include "tests/support/data_files.h"
#include "tests/support/temporary_folder.h"
#include "train/data/bytes.h"
#include "train/data/md5.h"

using namespace pliant;
using namespace pliant::test;

namespace fs = std::filesystem;

namespace {

// A folder that offers an archive of `inside`/one.bin and a plain file, as a server would.
struct Server {
  Server() {
    fs::create_directories(root / "inside");
    write_data_file(root / "inside" / "one.bin", std::vector<std::uint8_t>{1, 2, 3});
    write_data_file(root / "plain.gz", std::vector<std::uint8_t>{4, 5});
    pack("good.tar.gz", "");
    pack("escaping.tar.gz", " --transform 's,inside,inside/..,'");
  }
  void pack(const std::string& name, const std::string& options) const {
    REQUIRE(std::system(cat("cd ", folder.string(), " && tar -czP", options, " -f ", name, " inside/one.bin").c_str()) == 0);
  }
  PublishedSet offers(const std::string& file, bool archived) const {
    const std::string sum = md5_hex(read_raw_file(root / file));
    return {.name = "test", .address = "file://" + folder.string(), .files = {{file, sum}}, .folder = "inside", .archived = archived};
  }

  TemporaryFolder folder;
  fs::path root = folder.path();
};

std::int64_t entries(const fs::path& folder) { return std::distance(fs::directory_iterator(folder), fs::directory_iterator()); }

}  // namespace

TEST_CASE("data fetch: an archive is compared with its check sum and unpacked") {
  const Server server;
  const TemporaryFolder target;
  std::int64_t arrived = 0;
  const std::string made = fetch_data(server.offers("good.tar.gz", true), target.string(),
                                      {.progress = [&](const std::string&, std::int64_t bytes, std::int64_t) { arrived = bytes; }});
  CHECK(made == (fs::path(target.string()) / "inside").string());
  CHECK(read_raw_file(fs::path(made) / "one.bin") == std::vector<std::uint8_t>{1, 2, 3});
  CHECK(entries(made) == 1);
  CHECK(arrived == static_cast<std::int64_t>(fs::file_size(server.root / "good.tar.gz")));
  CHECK_THROWS_WITH_AS(fetch_data(server.offers("good.tar.gz", true), target.string(), {}), doctest::Contains("exists already"), ConfigError);
  CHECK(entries(target.string()) == 1);
}

TEST_CASE("data fetch: plain files come from another address and keep their names") {
  const Server server;
  const TemporaryFolder target;
  PublishedSet set = server.offers("plain.gz", false);
  const std::string mirror = std::exchange(set.address, "file:///nowhere");
  const std::string made = fetch_data(set, target.string(), {.address = mirror, .progress = {}});
  CHECK(read_raw_file(fs::path(made) / "plain.gz") == std::vector<std::uint8_t>{4, 5});
}

TEST_CASE("data fetch: what does not fit leaves nothing behind") {
  const Server server;
  const TemporaryFolder target;
  PublishedSet other_sum = server.offers("good.tar.gz", true);
  other_sum.files[0].md5[0] = other_sum.files[0].md5[0] == '0' ? '1' : '0';
  CHECK_THROWS_WITH_AS(fetch_data(other_sum, target.string(), {}), doctest::Contains("published is"), DataError);
  PublishedSet missing = server.offers("good.tar.gz", true);
  missing.files[0].name = "missing.tar.gz";
  CHECK_THROWS_WITH_AS(fetch_data(missing, target.string(), {}), doctest::Contains("missing.tar.gz"), DataError);
  CHECK_THROWS_WITH_AS(fetch_data(server.offers("plain.gz", true), target.string(), {}), doctest::Contains("not a readable archive"), DataError);
  CHECK_THROWS_WITH_AS(fetch_data(server.offers("escaping.tar.gz", true), target.string(), {}), doctest::Contains("expected files in inside"), DataError);
  CHECK(entries(target.string()) == 0);
  CHECK_THROWS_WITH_AS(published_set("imagenet"), doctest::Contains("cifar10 cifar100 mnist"), UsageError);
}
