#include "train/files/safetensors.h"

#include <array>
#include <cmath>
#include <cstring>
#include <doctest/doctest.h>
#include <limits>

#include "core/check.h"
#include "tests/train/file_helpers.h"

using namespace pliant;
using namespace pliant::test;

namespace {

template <class T>
std::span<const std::byte> bytes_in(const std::vector<T>& values) {
  return std::as_bytes(std::span(values));
}

SafetensorsReader read_text(const TemporaryFolder& folder, const std::string& header, const std::string& data) {
  const std::uint64_t length = header.size();
  const std::string path = file_in(folder, "t.safetensors");
  write_all(path, std::string(reinterpret_cast<const char*>(&length), 8) + header + data);
  return SafetensorsReader(path);
}

}  // namespace

TEST_CASE("safetensors: what is written is read back bit for bit") {
  TemporaryFolder folder;
  const std::string path = file_in(folder, "a.safetensors");
  const std::vector<float> weights{1.5f, -0.0f, std::numeric_limits<float>::infinity(), 1e-45f, 3.0f, 7.0f};
  const std::vector<double> momentum{0.1, -2.5e300};
  const std::vector<std::int64_t> steps{-7};
  const std::vector<std::uint8_t> mask{1, 0, 1};
  SafetensorsWriter writer;
  writer.add("z.weight", {1, 2, 1, 3, 1}, std::span(weights));
  writer.add("momentum", {2}, std::span(momentum));
  writer.add("step", "I64", {}, bytes_in(steps));
  writer.add("mask \"odd\"\n", "BOOL", {3}, bytes_in(mask));
  writer.add("empty", {0, 5}, std::span<const float>());
  writer.set_metadata("classes", "[\"caf\u00e9\"]");
  writer.set_metadata("net", "old");
  writer.set_metadata("net", "resnet20");
  writer.write(path);

  const SafetensorsReader reader(path);
  CHECK(reader.entries().size() == 5);
  CHECK(reader.at("z.weight").shape == std::vector<std::int64_t>{1, 2, 1, 3, 1});
  CHECK(reader.at("z.weight").dtype == "F32");
  const auto back = reader.read_float(reader.at("z.weight"));
  CHECK(std::memcmp(back.data(), weights.data(), sizeof(float) * weights.size()) == 0);
  CHECK(back.size() == weights.size());
  CHECK(reader.read_double(reader.at("momentum")) == momentum);
  CHECK(reader.at("step").shape.empty());
  CHECK(reader.at("step").elements() == 1);
  CHECK(reader.read_int32(reader.at("step")) == std::vector<std::int32_t>{-7});
  CHECK(reader.read_int32(reader.at("mask \"odd\"\n")) == std::vector<std::int32_t>{1, 0, 1});
  CHECK(reader.at("empty").bytes.empty());
  CHECK(reader.read_float(reader.at("empty")).empty());
  CHECK(reader.metadata() == std::map<std::string, std::string>{{"classes", "[\"caf\u00e9\"]"}, {"net", "resnet20"}});
  CHECK(reader.metadata_at("net") == "resnet20");
}

TEST_CASE("safetensors: files are deterministic and their tensors aligned") {
  TemporaryFolder folder;
  const std::vector<std::uint8_t> byte{1};
  const std::vector<float> two{1, 2};
  const std::vector<double> one{3};
  SafetensorsWriter a;
  a.add("a", {1}, std::span(byte));
  a.add("b", {2}, std::span(two));
  a.add("c", {1}, std::span(one));
  a.write(file_in(folder, "a"));
  SafetensorsWriter b;
  b.add("c", {1}, std::span(one));
  b.add("b", {2}, std::span(two));
  b.add("a", {1}, std::span(byte));
  b.write(file_in(folder, "b"));
  const std::string content = read_all(file_in(folder, "a"));
  CHECK(content == read_all(file_in(folder, "b")));
  std::uint64_t length = 0;
  std::memcpy(&length, content.data(), 8);
  CHECK(length % 8 == 0);
  const SafetensorsReader reader(file_in(folder, "a"));
  CHECK(reader.entries()[0].name == "c");
  CHECK(reader.entries()[1].name == "b");
  CHECK(reader.entries()[2].name == "a");
}

TEST_CASE("safetensors: a file written by hand is read") {
  TemporaryFolder folder;
  // 1.0 and -2.0 in bfloat16, 0.5 in half; unsorted, unaligned, padded with spaces.
  const std::string data("\x01\x80\x3f\x00\xc0\x00\x38", 7);
  const SafetensorsReader reader = read_text(
      folder,
      R"({"h":{"data_offsets":[5,7],"dtype":"F16","shape":[1]}, "__metadata__":{"format":"pt"},
          "b":{"dtype":"BF16","shape":[2,1],"data_offsets":[1,5]},
          "u":{"dtype":"U8","shape":[],"data_offsets":[0,1]}}   )",
      data);
  CHECK(reader.read_float(reader.at("b")) == std::vector<float>{1.0f, -2.0f});
  CHECK(reader.read_double(reader.at("h")) == std::vector<double>{0.5});
  CHECK(reader.read_int32(reader.at("u")) == std::vector<std::int32_t>{1});
  CHECK(reader.metadata_at("format") == "pt");
  CHECK(read_text(folder, "{}", "").entries().empty());
}

TEST_CASE("safetensors: integers outside 32 bits and wrong dtypes are refused") {
  TemporaryFolder folder;
  SafetensorsWriter writer;
  const std::vector<std::int64_t> values{1, 1LL << 31};
  const std::vector<std::int64_t> fits{(1LL << 31) - 1, -(1LL << 31)};
  const std::vector<std::uint64_t> large{~0ULL};
  const std::vector<float> floats{1};
  writer.add("i", "I64", {2}, bytes_in(values));
  writer.add("fits", "I64", {2}, bytes_in(fits));
  writer.add("u", "U64", {1}, bytes_in(large));
  writer.add("f", {1}, std::span(floats));
  writer.write(file_in(folder, "a"));
  const SafetensorsReader reader(file_in(folder, "a"));
  CHECK(reader.read_int32(reader.at("fits")) == std::vector<std::int32_t>{2147483647, -2147483647 - 1});
  CHECK(message_of<FileError>([&] { reader.read_int32(reader.at("i")); })
            .find("tensor 'i': element 1 is 2147483648, outside") != std::string::npos);
  CHECK_THROWS_AS(reader.read_int32(reader.at("u")), FileError);
  CHECK_THROWS_AS(reader.read_int32(reader.at("f")), FileError);
  CHECK_THROWS_AS(reader.read_float(reader.at("i")), FileError);
  CHECK(message_of<FileError>([&] { reader.at("g"); }).find("has no tensor 'g'") != std::string::npos);
  CHECK_THROWS_AS(reader.metadata_at("net"), FileError);
  CHECK(reader.find("g") == nullptr);
}

TEST_CASE("safetensors: the writer refuses what a reader would") {
  SafetensorsWriter writer;
  const std::vector<float> two{1, 2};
  writer.add("a", {2}, std::span(two));
  CHECK_THROWS_AS(writer.add("a", {2}, std::span(two)), Error);
  CHECK_THROWS_AS(writer.add("__metadata__", {2}, std::span(two)), Error);
  CHECK_THROWS_AS(writer.add("b", {3}, std::span(two)), Error);
  CHECK_THROWS_AS(writer.add("b", {-2}, std::span(two)), Error);
  CHECK_THROWS_AS(writer.add("b", "F31", {2}, bytes_in(two)), Error);
  CHECK_THROWS_AS(writer.add("\xff", {2}, std::span(two)), Error);
  CHECK_THROWS_AS(writer.set_metadata("class", "\xc3"), Error);
  CHECK_THROWS_AS(writer.write("/nowhere/at/all"), Error);
}
