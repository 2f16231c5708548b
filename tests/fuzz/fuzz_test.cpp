// Every reader over its seeds, all of which it takes, and over a fixed number of mutations of them. libFuzzer, where there is Clang,
// does the same for longer and looks at what the code does with them.
#include <doctest/doctest.h>

#include <random>

#include "tests/fuzz/target.h"

namespace pliant::fuzz {

namespace {

using Random = std::mt19937;  // the same numbers everywhere

std::size_t below(Random& random, std::size_t n) { return random() % n; }

// A few edits: bits, bytes, letters of texts, large numbers, what is cut out, doubled, or taken from another seed.
Bytes mutated(Bytes bytes, const Bytes& other, Random& random) {
  constexpr std::string_view kLetters = "{}[]\",:=0123456789-.e%x\\/u \n\xff";
  constexpr std::string_view kNumbers[] = {"-1", "18446744073709551616", "1e999", "nan", "0", "2147483648"};
  for (std::size_t edits = 1 + below(random, 4); edits > 0 && !bytes.empty(); --edits) {
    const std::size_t at = below(random, bytes.size());
    const auto place = bytes.begin() + static_cast<std::ptrdiff_t>(at);
    const std::size_t length = std::min(1 + below(random, 8), bytes.size() - at);
    switch (below(random, 8)) {
      case 0: bytes[at] = static_cast<std::uint8_t>(random()); break;
      case 1: bytes[at] = static_cast<std::uint8_t>(bytes[at] ^ (1U << below(random, 8))); break;
      case 2: bytes[at] = static_cast<std::uint8_t>(kLetters[below(random, kLetters.size())]); break;
      case 3: bytes.insert(place, static_cast<std::uint8_t>(kLetters[below(random, kLetters.size())])); break;
      case 4: bytes.erase(place, place + static_cast<std::ptrdiff_t>(length)); break;
      case 5: {
        const Bytes copy(place, place + static_cast<std::ptrdiff_t>(length));
        bytes.insert(place, copy.begin(), copy.end());
        break;
      }
      case 6: {
        const std::string_view number = kNumbers[below(random, std::size(kNumbers))];
        bytes.insert(bytes.erase(place), number.begin(), number.end());
        break;
      }
      default: {
        if (other.empty()) break;
        const std::size_t from = below(random, other.size());
        bytes.resize(at);
        bytes.insert(bytes.end(), other.begin() + static_cast<std::ptrdiff_t>(from), other.end());
        break;
      }
    }
  }
  return bytes;
}

// Every seed is accepted, and of the mutations some are and some are not.
void survive(const char* name, int mutations) {
  const Target& reader = target(name);
  const std::vector<Bytes> seeds = reader.seeds();
  for (std::size_t i = 0; i < seeds.size(); ++i) {
    CAPTURE(i);
    CHECK_NOTHROW(reader.read(seeds[i]));
  }
  Random random(20);
  int accepted = 0;
  for (int i = 0; i < mutations; ++i) {
    const Bytes& seed = seeds[below(random, seeds.size())];
    const Bytes bytes = mutated(seed, seeds[below(random, seeds.size())], random);
    CAPTURE(i);
    CHECK_NOTHROW(accepted += accepts(reader, bytes));
  }
  CHECK(accepted < mutations);
  CHECK(accepts(reader, {}) == false);
}

}  // namespace

TEST_CASE("fuzz: files of CIFAR are read or refused") { survive("cifar", 400); }
TEST_CASE("fuzz: IDX files are read or refused") { survive("idx", 1000); }
TEST_CASE("fuzz: images are read or refused") { survive("image", 1000); }
TEST_CASE("fuzz: folders of images are read or refused") { survive("image-folder", 200); }
TEST_CASE("fuzz: safetensors files are read or refused") { survive("safetensors", 500); }
TEST_CASE("fuzz: checkpoints are read or refused") { survive("checkpoint", 600); }
TEST_CASE("fuzz: net descriptions are read or refused") { survive("description", 400); }
TEST_CASE("fuzz: records and tables are read or refused") { survive("record", 1000); }
TEST_CASE("fuzz: command lines are read or refused") { survive("command-line", 200); }
TEST_CASE("fuzz: values of flags are read or refused") { survive("value", 1000); }

}  // namespace pliant::fuzz
