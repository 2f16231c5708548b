#include "core/nesting.h"

#include <doctest/doctest.h>

#include <string>

#include "core/check.h"

namespace pliant::test {

TEST_CASE("nesting: levels of brackets are counted outside strings") {
  CHECK(json_nesting("") == 0);
  CHECK(json_nesting("3") == 0);
  CHECK(json_nesting("[]") == 1);
  CHECK(json_nesting(R"({"a": [1, {}], "b": [2]})") == 3);
  CHECK(json_nesting(R"(["[[[[", "\"[[", "\\"])") == 1);
  CHECK(json_nesting("]]]][[") == 0);
  CHECK(json_nesting("[[[") == 3);
}

TEST_CASE("nesting: a deep text is refused by name") {
  CHECK_NOTHROW(require_shallow(std::string(64, '[') + std::string(64, ']'), "a record"));
  CHECK_THROWS_WITH_AS(require_shallow(std::string(65, '['), "a record"), "a record: nests 65 levels deep, expected at most 64", FileError);
}

}  // namespace pliant::test
