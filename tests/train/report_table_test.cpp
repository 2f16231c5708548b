#include "train/report/table.h"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "core/check.h"
#include "tests/train/file_helpers.h"

using namespace pliant;
using namespace pliant::test;

namespace {

using Format = Table::Format;

Table sample() {
  Table table({{"net"}, {"macs", Format::integer}, {"accuracy", Format::percent}, {"ms", Format::milliseconds}, {"k", Format::number}});
  table.add_row({"half, \"thin\"", 1234567, 1.0 / 3, 0.12345, 1e-7});
  table.add_row({"Größe", std::nullopt, std::optional<double>(), "failed", std::optional<int>(12)});
  return table;
}

}  // namespace

TEST_CASE("table: text is aligned with units") {
  CHECK(sample().text() ==
        "net                macs  accuracy        ms      k\n"
        "half, \"thin\"  1,234,567   33.33 %  0.123 ms  1e-07\n"
        "Größe                                failed     12\n");
  Table numbers({{"a", Format::integer}, {"b", Format::text}});
  numbers.add_row({-1000, "x"});
  numbers.add_row({999.6, ""});
  numbers.add_row({-0.2, 0.5});
  CHECK(numbers.text() == "     a  b\n-1,000  x\n 1,000\n     0  0.5\n");
}

TEST_CASE("table: CSV is quoted and keeps every digit") {
  CHECK(sample().csv() ==
        "net,macs,accuracy,ms,k\n"
        "\"half, \"\"thin\"\"\",1234567,0.3333333333333333,0.12345,1e-07\n"
        "Größe,,,failed,12\n");
  Table table({{"a\nb"}, {"c", Format::integer}});
  table.add_row({"x\ry", 100000000});
  table.add_row({"", 40551040.5});
  CHECK(table.csv() == "\"a\nb\",c\n\"x\ry\",100000000\n,40551040.5\n");
}

TEST_CASE("table: JSON is an array of objects in the order of the columns") {
  CHECK(sample().json() ==
        "[{\"net\":\"half, \\\"thin\\\"\",\"macs\":1234567,\"accuracy\":0.3333333333333333,\"ms\":0.12345,\"k\":1e-07},"
        "{\"net\":\"Größe\",\"macs\":null,\"accuracy\":null,\"ms\":\"failed\",\"k\":12.0}]");
  CHECK(Table({{"a"}}).json() == "[]");
  Table odd({{"bytes"}});
  odd.add_row({"\xff\x01"});
  CHECK(nlohmann::json::parse(odd.json())[0]["bytes"] == "\xEF\xBF\xBD\x01");
}

TEST_CASE("table: files are written by their ending") {
  TemporaryFolder folder;
  const Table table = sample();
  for (const auto& [name, content] : {std::pair<std::string, std::string>{"t.csv", table.csv()}, {"t.json", table.json() + "\n"}, {"t.txt", table.text()}}) {
    table.write(file_in(folder, name));
    CHECK(read_all(file_in(folder, name)) == content);
  }
  CHECK(message_of<UsageError>([&] { table.write(file_in(folder, "t.xls")); }).find("t.xls") != std::string::npos);
  CHECK_THROWS_AS(table.write(file_in(folder, "missing/t.csv")), Error);
  CHECK(entries_in(folder) == 3);
}

TEST_CASE("table: rows that do not fit are refused whole") {
  Table table = sample();
  CHECK(message_of<ConfigError>([&] { table.add_row({"a", 1}); }) == "table: row 2 has 2 cells, expected 5");
  for (const double value : {std::nan(""), std::numeric_limits<double>::infinity()}) {
    CHECK(message_of<Error>([&] { table.add_row({"a", 1, value, 2, 3}); }).find("table: row 2, column 'accuracy' is ") == 0);
  }
  CHECK(table.rows().size() == 2);
  CHECK_THROWS_AS(Table({}), ConfigError);
  CHECK_THROWS_AS(Table({{"a"}, {""}}), ConfigError);
  CHECK_THROWS_AS(Table({{"a"}, {"b"}, {"a"}}), ConfigError);
}
