#include "train/run_folder.h"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include "core/check.h"
#include "tests/train/file_helpers.h"

using namespace pliant;
using namespace pliant::test;

TEST_CASE("run folder: a new one is made with its parents and stays empty") {
  TemporaryFolder folder;
  const RunFolder run(file_in(folder, "a/b/run"), false);
  CHECK(std::filesystem::is_empty(file_in(folder, "a/b/run")));
  CHECK(run.last_checkpoint() == file_in(folder, "a/b/run/last.safetensors"));
  CHECK_NOTHROW(RunFolder(file_in(folder, "a/b/run"), false));  // an empty one is as good as a new one
}

TEST_CASE("run folder: one with content is refused without resume and kept") {
  TemporaryFolder folder;
  write_all(file_in(folder, "notes.txt"), "mine");
  const std::string message = message_of<ConfigError>([&] { RunFolder run(folder.string(), false); });
  CHECK(message.find("--out " + folder.string() + ": the folder is not empty") == 0);
  CHECK(message.find("--resume") != std::string::npos);
  CHECK_NOTHROW(RunFolder(folder.string(), true));
  CHECK(read_all(file_in(folder, "notes.txt")) == "mine");
  CHECK(entries_in(folder) == 1);
  CHECK_THROWS_AS(RunFolder(file_in(folder, "notes.txt"), false), ConfigError);
  CHECK_THROWS_AS(RunFolder(file_in(folder, "notes.txt/run"), false), Error);
  CHECK_THROWS_AS(RunFolder("", false), ConfigError);
}

TEST_CASE("run folder: a read-only one is refused before any work") {
  TemporaryFolder folder;
  std::filesystem::create_directory(file_in(folder, "run"));
  std::filesystem::permissions(file_in(folder, "run"), std::filesystem::perms(0555));
  std::filesystem::permissions(folder.string(), std::filesystem::perms(0555));
  std::string existing, fresh;
  as_ordinary_user([&] {
    existing = message_of<Error>([&] { RunFolder run(file_in(folder, "run"), false); });
    fresh = message_of<Error>([&] { RunFolder run(file_in(folder, "new"), false); });
  });
  CHECK(existing.find("Permission denied") != std::string::npos);
  CHECK(fresh == "--out " + file_in(folder, "new") + ": the folder cannot be created: Permission denied");
  std::filesystem::permissions(folder.string(), std::filesystem::perms(0755));
}

TEST_CASE("run folder: configuration and environment are JSON") {
  TemporaryFolder folder;
  const RunFolder run(folder.string(), false);
  run.write_config(R"({"net":"resnet20","epochs":3})");
  CHECK(read_all(run.config()) == "{\n  \"net\": \"resnet20\",\n  \"epochs\": 3\n}\n");
  for (const char* text : {"", "3", "[1]", "{", "{\"a\":}"}) CHECK_THROWS_AS(run.write_config(text), ConfigError);
  CHECK(nlohmann::json::parse(read_all(run.config())).at("epochs") == 3);

  run.write_environment({{"version", "0.1.0"}, {"device", "cpu \xff"}, {"build", "given"}});
  const auto environment = nlohmann::json::parse(read_all(run.environment()));
  CHECK(environment.at("version") == "0.1.0");
  CHECK(environment.at("build") == "given");
  for (const char* key : {"compiler", "cpu", "logical_cores", "system", "date", "device"}) {
    CHECK_FALSE(environment.at(key).get<std::string>().empty());
  }
}
