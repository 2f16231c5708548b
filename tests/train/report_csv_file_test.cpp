#include "train/report/csv_file.h"

#include <doctest/doctest.h>

#include "core/check.h"
#include "tests/train/file_helpers.h"
#include "train/report/table.h"

using namespace pliant;
using namespace pliant::test;

TEST_CASE("csv file: what a table writes is read back") {
  TemporaryFolder folder;
  Table table({{"a, \"b\"\nc"}, {"epoch", Table::Format::integer}, {"x"}});
  table.add_row({"one\ntwo", 1, 1.0 / 3});
  table.add_row({std::nullopt, 2000000, -1e-300});
  table.write(file_in(folder, "t.csv"));
  const CsvFile file(file_in(folder, "t.csv"));
  CHECK(file.columns() == std::vector<std::string>{"a, \"b\"\nc", "epoch", "x"});
  REQUIRE(file.size() == 2);
  CHECK(file.find("x") == 2);
  CHECK_FALSE(file.find("y"));
  CHECK(file.number(0, 2) == 1.0 / 3);
  CHECK(file.number(1, 1) == 2000000);
  CHECK(file.number(1, 2) == -1e-300);
  CHECK_FALSE(file.number(1, 0));
  CHECK(file.text(0, 0) == "one\ntwo");
  CHECK(file.text(1, 0).empty());
  CHECK(file.place(1) == file.path() + ":5");
  CHECK(message_of<FileError>([&] { file.number(0, 0); }).find("t.csv:3: column 'a, \"b\"\\x0ac': expected a finite number, got 'one\\x0atwo'") !=
        std::string::npos);
}

TEST_CASE("csv file: foreign line ends and a missing last one are accepted") {
  TemporaryFolder folder;
  write_all(file_in(folder, "a.csv"), "a,b\r\n1,\r\n\"2\",3");
  const CsvFile file(file_in(folder, "a.csv"));
  REQUIRE(file.size() == 2);
  CHECK_FALSE(file.number(0, 1));
  CHECK(file.number(1, 0) == 2);
  CHECK(file.number(1, 1) == 3);
}

TEST_CASE("csv file: malformed files name the line") {
  TemporaryFolder folder;
  const auto refusal = [&](const std::string& content) {
    write_all(file_in(folder, "bad.csv"), content);
    return message_of<FileError>([&] { CsvFile file(file_in(folder, "bad.csv")); });
  };
  CHECK(refusal("").find("bad.csv: empty") != std::string::npos);
  CHECK(refusal("a,a\n").find("bad.csv:1: two columns are named 'a'") != std::string::npos);
  CHECK(refusal("a,b\n1,2\n1\n").find("bad.csv:3: 1 fields, expected 2") != std::string::npos);
  CHECK(refusal("a,b\n1,2,3\n").find("bad.csv:2: 3 fields") != std::string::npos);
  CHECK(refusal("a,b\n\"1,2\n3,4\n").find("bad.csv:2: a quoted field has no end") != std::string::npos);
  CHECK(refusal("a,b\n\"1\"x,2\n").find("bad.csv:2: expected a comma") != std::string::npos);
  CHECK(refusal("a,b\n1\"x,2\n").find("bad.csv:2: expected a comma") != std::string::npos);
  CHECK_THROWS_AS(CsvFile(file_in(folder, "missing.csv")), FileError);
  CHECK_THROWS_AS(CsvFile(folder.string()), FileError);
  for (const char* value : {"nan", "inf", "1e999", " 1", "x"}) {
    write_all(file_in(folder, "bad.csv"), cat("a\n", value, "\n"));
    CHECK_THROWS_AS(CsvFile(file_in(folder, "bad.csv")).number(0, 0), FileError);
  }
}
