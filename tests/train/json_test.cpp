#include "nets/json.h"

#include <doctest/doctest.h>

#include "core/check.h"
#include "train/config.h"

namespace pliant {

namespace {

const nlohmann::ordered_json kValues = {
    {"whole", 7},     {"negative", -1},        {"fraction", 1.5},   {"huge", 2.2e108}, {"2^63", std::uint64_t{1} << 63},
    {"flag", true},   {"none", nullptr},       {"text", "a"},       {"list", {1, 2}},  {"mixed", {1, "b"}},
    {"object", {{"a", 1}}}};

template <class T>
void refuses(std::initializer_list<const char*> names, const std::string& expected) {
  for (const char* name : names) {
    CAPTURE(name);
    const std::string message = cat("\"", name, "\" is ", kValues.at(name).dump(), ", expected ", expected);
    CHECK_THROWS_WITH_AS(json_field<T>(kValues, name), message.c_str(), FileError);
  }
}

}  // namespace

TEST_CASE("fields of JSON are read exactly or refused") {
  CHECK(json_field<int>(kValues, "whole") == 7);
  CHECK(json_field<std::int64_t>(kValues, "negative") == -1);
  CHECK(json_field<std::uint64_t>(kValues, "2^63") == std::uint64_t{1} << 63);
  CHECK(json_field<double>(kValues, "whole") == 7.0);
  CHECK(json_field<double>(kValues, "fraction") == 1.5);
  CHECK(json_field<bool>(kValues, "flag"));
  CHECK(json_field<std::string>(kValues, "text") == "a");
  CHECK(json_field<std::vector<std::int64_t>>(kValues, "list") == std::vector<std::int64_t>{1, 2});
  CHECK(json_field<int>(kValues, "missing", 3) == 3);
  CHECK(json_field<int>(kValues, "whole", 3) == 7);

  refuses<std::int64_t>({"fraction", "huge", "2^63", "flag", "none", "text", "list", "object"},
                        "a whole number from -9223372036854775808 to 9223372036854775807");
  refuses<std::uint64_t>({"negative"}, "a whole number from 0 to 18446744073709551615");
  refuses<double>({"flag", "none", "text", "list"}, "a number");
  refuses<bool>({"whole", "text"}, "true or false");
  refuses<std::string>({"whole", "list"}, "a text");
  refuses<std::vector<int>>({"whole", "object"}, "a list");
  CHECK_THROWS_WITH_AS(json_field<std::vector<int>>(kValues, "mixed"), doctest::Contains("\"mixed\" is \"b\", expected a whole number"), FileError);
  CHECK_THROWS_WITH_AS(json_field<int>(kValues, "missing"), "\"missing\" is missing", FileError);
  CHECK_THROWS_AS(json_field<int>(kValues.at("list"), "whole"), FileError);
}

TEST_CASE("records refuse numbers that are not those they hold") {
  const std::string config = to_json(TrainConfig{});
  CHECK(differing_fields(config_from_json(config), TrainConfig{}).empty());
  for (const char* field : {"epochs", "batch", "seed", "patience", "sparsity-begin", "limit-train"}) {
    for (const char* value : {"2.2e108", "1.5", "3.0", "true", "-9223372036854775809", "18446744073709551616", "\"9\"", "[]"}) {
      auto changed = nlohmann::ordered_json::parse(config);
      REQUIRE(changed.contains(field));
      changed[field] = nlohmann::ordered_json::parse(value);
      CAPTURE(field);
      CAPTURE(value);
      CHECK_THROWS_AS(config_from_json(changed.dump()), FileError);
    }
  }
}

TEST_CASE("text that is not UTF-8 is written with its strange letters replaced") {
  CHECK(json_text(nlohmann::ordered_json{{"name", "caf\xe9"}}) == "{\"name\":\"caf\xef\xbf\xbd\"}");
  TrainConfig config;
  config.freeze = {"layer1\xbe"};
  CHECK(config_from_json(to_json(config)).freeze == std::vector<std::string>{"layer1\xef\xbf\xbd"});
  CHECK(differing_fields(config, config_from_json(to_json(config))).empty());
}

}  // namespace pliant
