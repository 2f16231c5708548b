#include <sys/stat.h>

#include <cstring>
#include <doctest/doctest.h>
#include <random>

#include "core/check.h"
#include "tests/train/file_helpers.h"
#include "train/files/safetensors.h"

using namespace pliant;
using namespace pliant::test;

namespace {

std::string file_of(const std::string& header, const std::string& data) {
  const std::uint64_t length = header.size();
  return std::string(reinterpret_cast<const char*>(&length), 8) + header + data;
}

// The message of the FileError for a file of this content: one short line that begins with the path.
std::string refusal(const std::string& content) {
  TemporaryFolder folder;
  const std::string path = file_in(folder, "bad.safetensors");
  write_all(path, content);
  const std::string message = message_of<FileError>([&] { SafetensorsReader reader(path); });
  CHECK(message.find(path + ": ") == 0);
  CHECK(message.find('\n') == std::string::npos);
  CHECK(message.size() < path.size() + 600);
  return message.substr(path.size() + 2);
}

std::string refused_header(const std::string& header, std::size_t data_bytes = 8) {
  return refusal(file_of(header, std::string(data_bytes, '\0')));
}

bool contains(const std::string& text, const std::string& part) {
  const bool found = text.find(part) != std::string::npos;
  if (!found) MESSAGE("expected '", part, "' in: ", text);
  return found;
}

std::string length_bytes(std::uint64_t length) { return {reinterpret_cast<const char*>(&length), 8}; }

}  // namespace

TEST_CASE("hostile safetensors: missing files and things that are no files are refused") {
  TemporaryFolder folder;
  CHECK(contains(message_of<FileError>([&] { SafetensorsReader reader(file_in(folder, "none")); }), "No such file"));
  CHECK(contains(message_of<FileError>([&] { SafetensorsReader reader(folder.string()); }), "not a regular file"));
  REQUIRE(::mkfifo(file_in(folder, "pipe").c_str(), 0600) == 0);
  CHECK(contains(message_of<FileError>([&] { SafetensorsReader reader(file_in(folder, "pipe")); }),
                 "not a regular file"));
  CHECK_THROWS_AS(SafetensorsReader("/dev/zero"), FileError);
}

TEST_CASE("hostile safetensors: an unreadable file is refused") {
  TemporaryFolder folder;
  std::filesystem::permissions(folder.string(), std::filesystem::perms(0755));
  write_all(file_in(folder, "a"), file_of("{}", ""));
  std::filesystem::permissions(file_in(folder, "a"), std::filesystem::perms::none);
  std::string message;
  as_ordinary_user([&] { message = message_of<Error>([&] { SafetensorsReader reader(file_in(folder, "a")); }); });
  CHECK(contains(message, "Permission denied"));
}

TEST_CASE("hostile safetensors: header lengths outside the file or the cap are refused") {
  CHECK(contains(refusal(""), "has 0 bytes"));
  CHECK(contains(refusal("1234567"), "has 7 bytes"));
  CHECK(contains(refusal(length_bytes(3) + "{}"), "would be 3 bytes, only 2 follow"));
  CHECK(contains(refusal(length_bytes(~0ULL) + "{}"), "at most 100000000"));
  CHECK(contains(refusal(length_bytes(100'000'001) + "{}"), "at most 100000000"));
  CHECK(contains(refusal(length_bytes(1ULL << 63) + "{}"), "at most"));
  CHECK(contains(refusal(length_bytes(0)), "does not begin with '{'"));
}

TEST_CASE("hostile safetensors: headers that are no JSON object are refused") {
  for (const char* header : {"[]", " {}", "\xef\xbb\xbf{}", "null", "\"{}\""}) {
    CHECK(contains(refused_header(header), "does not begin with '{'"));
  }
  for (const char* header : {"{", "{}}", "{}x", "{\"a\"}", "{,}", "{\"__metadata__\":{},}", "{'a':1}", "{/**/}", "{\"a",
                             "{\"a\\q\":{}}", "{\"\xff\":{}}", "{\"\xc3\x28\":{}}", "{\"\\ud800\":{}}",
                             "{\"a\nb\":{}}", "{\"a\":nan}",
                             "{\"a\":{\"shape\":[01"}) {
    CHECK(contains(refused_header(header), "no valid JSON"));
  }
  CHECK(contains(refused_header(std::string("{}\0junk", 7)), "zero byte"));
}

TEST_CASE("hostile safetensors: values of the wrong kind are refused") {
  const auto tensor = [](const std::string& dtype, const std::string& shape, const std::string& offsets) {
    return "{\"a\":{\"dtype\":" + dtype + ",\"shape\":" + shape + ",\"data_offsets\":" + offsets + "}}";
  };
  for (const char* value : {"1", "-1", "1.5", "null", "true", "\"x\"", "[]"}) {
    CHECK(contains(refused_header(std::string("{\"a\":") + value + "}"), "tensor 'a': expected an object"));
  }
  for (const char* value : {"1", "null", "{}", "[\"F32\"]"}) {
    CHECK(contains(refused_header(tensor(value, "[2]", "[0,8]")), "expected a string as dtype"));
  }
  for (const char* value : {"\"f32\"", "\"F31\"", "\"\"", "\"F32 \""}) {
    CHECK(contains(refused_header(tensor(value, "[2]", "[0,8]")), "tensor 'a': unknown dtype"));
  }
  for (const char* value : {"2", "{}", "\"2\"", "null"}) {
    CHECK(contains(refused_header(tensor("\"F32\"", value, "[0,8]")), "expected an array as shape"));
    CHECK(contains(refused_header(tensor("\"F32\"", "[2]", value)), "expected an array as data_offsets"));
  }
  for (const char* value : {"-2", "2.0", "2e0", "null", "\"2\"", "[2]", "{}", "true", "99999999999999999999"}) {
    CHECK(contains(refused_header(tensor("\"F32\"", cat("[", value, "]"), "[0,8]")), "non-negative integers in shape"));
    CHECK(contains(refused_header(tensor("\"F32\"", "[2]", cat("[0,", value, "]"))), "integers in data_offsets"));
  }
  CHECK(contains(refused_header(tensor("\"F32\"", "[18446744073709551615]", "[0,8]")), "is too large"));
  for (const char* value : {"[]", "[8]", "[0,4,8]"}) {
    CHECK(contains(refused_header(tensor("\"F32\"", "[2]", value)), "data_offsets must be [begin, end]"));
  }
  for (const char* value : {"1", "null", "[]", "\"x\""}) {
    CHECK(contains(refused_header(cat("{\"__metadata__\":", value, "}"), 0), "expected an object"));
    if (value[0] == '"') continue;
    CHECK(contains(refused_header(cat("{\"__metadata__\":{\"k\":", value, "}}"), 0),
                   "metadata 'k': expected a string"));
  }
}

TEST_CASE("hostile safetensors: missing unknown and repeated fields and names are refused") {
  const std::string good = R"("dtype":"U8","shape":[8],"data_offsets":[0,8])";
  CHECK(contains(refused_header(R"({"a":{"shape":[8],"data_offsets":[0,8]}})"), "tensor 'a': has no dtype"));
  CHECK(contains(refused_header(R"({"a":{"dtype":"U8","data_offsets":[0,8]}})"), "tensor 'a': has no shape"));
  CHECK(contains(refused_header(R"({"a":{"dtype":"U8","shape":[8]}})"), "tensor 'a': has no data_offsets"));
  CHECK(contains(refused_header("{\"a\":{" + good + ",\"extra\":1}}"), "unknown field 'extra'"));
  CHECK(contains(refused_header("{\"a\":{" + good + ",\"shape\":[8]}}"), "field shape appears twice"));
  CHECK(contains(refused_header("{\"a\":{" + good + "},\"a\":{" + good + "}}"), "name 'a' appears twice"));
  CHECK(contains(refused_header("{\"a\":{" + good + "},\"\\u0061\":{" + good + "}}"), "name 'a' appears twice"));
  CHECK(contains(refused_header("{\"__metadata__\":{},\"__metadata__\":{}}", 0), "appears twice"));
  CHECK(contains(refused_header("{\"__metadata__\":{\"k\":\"1\",\"k\":\"2\"}}", 0), "metadata key 'k' appears twice"));
}

TEST_CASE("hostile safetensors: lying offsets and shapes are refused") {
  const auto one = [](const std::string& shape, const std::string& offsets, std::size_t data_bytes) {
    return refused_header("{\"a\":{\"dtype\":\"F32\",\"shape\":" + shape + ",\"data_offsets\":" + offsets + "}}",
                          data_bytes);
  };
  CHECK(contains(one("[2]", "[8,0]", 8), "end before they begin"));
  CHECK(contains(one("[4]", "[0,16]", 8), "lie outside the file, which has 8 bytes"));
  CHECK(contains(one("[2]", "[18446744073709551608,18446744073709551615]", 8), "lie outside the file"));
  CHECK(contains(one("[3]", "[0,8]", 8), "shape [3] of F32 needs 12 bytes, data_offsets [0, 8] give 8"));
  CHECK(contains(one("[]", "[0,8]", 8), "needs 4 bytes"));
  CHECK(contains(one("[0]", "[0,8]", 8), "needs 0 bytes"));
  CHECK(contains(one("[4294967296,4294967296]", "[0,0]", 0), "too large"));
  CHECK(contains(one("[0,4611686018427387904]", "[0,0]", 0), "too large"));
  CHECK(contains(one("[9223372036854775807]", "[0,8]", 8), "too large"));
  CHECK(contains(one("[2]", "[0,8]", 9), "own 8 bytes of data, the file has 9"));
  CHECK(contains(one("[2]", "[1,9]", 9), "begins at byte 1 of the data, expected 0 (bytes that no tensor owns)"));
  CHECK(contains(refused_header("{}", 1), "own 0 bytes of data, the file has 1"));
}

TEST_CASE("hostile safetensors: overlaps and holes between tensors are refused") {
  const auto two = [](const std::string& a, const std::string& b) {
    return refused_header("{\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":" + a +
                          "},\"b\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":" + b + "}}");
  };
  CHECK(contains(two("[0,4]", "[0,4]"), "tensor 'b': begins at byte 0 of the data, expected 4 (it overlaps"));
  CHECK(contains(two("[0,4]", "[3,7]"), "tensor 'b': begins at byte 3 of the data, expected 4 (it overlaps"));
  CHECK(contains(two("[4,8]", "[2,6]"), "bytes that no tensor owns"));
  CHECK(contains(refused_header(R"({"a":{"dtype":"U8","shape":[3],"data_offsets":[0,3]},
      "b":{"dtype":"U8","shape":[4],"data_offsets":[4,8]}})"), "begins at byte 4 of the data, expected 3"));
  // An empty tensor inside another one owns nothing, but lies.
  CHECK(contains(refused_header(R"({"a":{"dtype":"U8","shape":[8],"data_offsets":[0,8]},
      "b":{"dtype":"U8","shape":[0],"data_offsets":[4,4]}})"), "overlaps"));
}

TEST_CASE("hostile safetensors: nesting bombs and monstrous texts cost nothing and stay one line") {
  const std::string deep(2'000'000, '[');
  CHECK(contains(refused_header("{\"a\":" + deep), "expected an object"));
  std::string objects = "{\"a\":";
  for (int i = 0; i < 500'000; ++i) objects += "{\"a\":";
  CHECK(contains(refused_header(objects), "unknown field"));
  CHECK(contains(refused_header("{\"a\":{\"dtype\":\"U8\",\"shape\":" + deep), "expected non-negative"));
  const std::string name(1'000'000, 'n');
  CHECK(contains(refused_header("{\"" + name + "\":1}"), "expected an object"));
  CHECK(contains(refused_header("{\"" + name), "no valid JSON"));
  std::string ones = "1";
  for (int i = 0; i < 100'000; ++i) ones += ",1";
  CHECK(contains(refused_header("{\"a\":{\"dtype\":\"U8\",\"shape\":[" + ones + "],\"data_offsets\":[0,8]}}"),
                 "100001 dimensions] of U8 needs 1 bytes"));
  CHECK(contains(refused_header("{\"evil\\n\\u001b[2J\\u0000\":1}"), "tensor 'evil\\x0a\\x1b[2J\\x00'"));
}

TEST_CASE("hostile safetensors: every truncation of a valid file is refused") {
  TemporaryFolder folder;
  const std::vector<float> values{1, 2, 3};
  SafetensorsWriter writer;
  writer.add("conv1.weight", {3, 1}, std::span(values));
  writer.add("bn1.bias", {1}, std::span(values).first(1));
  writer.set_metadata("net", "{}");
  writer.write(file_in(folder, "a"));
  const std::string valid = read_all(file_in(folder, "a"));
  for (std::size_t size = 0; size < valid.size(); ++size) {
    write_all(file_in(folder, "b"), valid.substr(0, size));
    CHECK_THROWS_AS(SafetensorsReader(file_in(folder, "b")), FileError);
  }
  write_all(file_in(folder, "b"), valid + "x");
  CHECK_THROWS_AS(SafetensorsReader(file_in(folder, "b")), FileError);
}

TEST_CASE("hostile safetensors: thousands of mutated files are read or refused and nothing else") {
  TemporaryFolder folder;
  const std::vector<float> values{1, 2, 3, 4, 5, 6};
  const std::vector<std::int32_t> labels{7, 8};
  SafetensorsWriter writer;
  writer.add("layer1.0.conv1.weight", {1, 2, 3, 1}, std::span(values));
  writer.add("label.0", {2}, std::span(labels));
  writer.add("scalar", {}, std::span(values).first(1));
  writer.add("none", {0}, std::span(values).first(0));
  writer.set_metadata("net", "{\"builder\":\"resnet20\"}");
  writer.write(file_in(folder, "valid"));
  const std::string valid = read_all(file_in(folder, "valid"));
  std::mt19937 random(20);
  const auto below = [&](std::size_t n) { return static_cast<std::size_t>(random() % n); };
  const std::string alphabet = "{}[]\",:0123456789-.e\\u \xff";
  int refused = 0, read = 0;
  for (int round = 0; round < 4000; ++round) {
    std::string content = valid;
    for (std::size_t edits = 1 + below(3); edits > 0 && !content.empty(); --edits) {
      const std::size_t at = below(content.size());
      switch (below(5)) {
        case 0: content[at] = static_cast<char>(random()); break;
        case 1: content[at] = static_cast<char>(content[at] ^ (1 << below(8))); break;
        case 2: content[at] = alphabet[below(alphabet.size())]; break;
        case 3: content.erase(at, 1 + below(4)); break;
        default: content.insert(at, 1, alphabet[below(alphabet.size())]); break;
      }
    }
    write_all(file_in(folder, "mutant"), content);
    try {
      const SafetensorsReader reader(file_in(folder, "mutant"));
      ++read;
      for (const TensorEntry& entry : reader.entries()) {  // what was accepted must be safe to use
        const auto elements = static_cast<std::size_t>(entry.elements());
        REQUIRE(entry.bytes.size() == elements * safetensors_dtype_bytes(entry.dtype));
        if (entry.dtype == "F32") REQUIRE(reader.read_float(entry).size() == elements);
      }
    } catch (const FileError& error) {
      ++refused;
      REQUIRE(std::string(error.what()).find('\n') == std::string::npos);
    }
  }
  CHECK(refused > 2000);
  CHECK(read > 100);
}
