#include "core/nesting.h"

#include <algorithm>

#include "core/check.h"

namespace pliant {

int json_nesting(std::string_view text) {
  int open = 0, most = 0;
  bool in_string = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char letter = text[i];
    if (letter == '"') {
      in_string = !in_string;
    } else if (in_string) {
      if (letter == '\\') ++i;
    } else if (letter == '[' || letter == '{') {
      most = std::max(most, ++open);
    } else if (letter == ']' || letter == '}') {
      --open;
    }
  }
  return most;
}

void require_shallow(std::string_view text, std::string_view what) {
  constexpr int kMostLevels = 64;
  const int levels = json_nesting(text);
  PLIANT_REQUIRE(FileError, levels <= kMostLevels, what, ": nests ", levels, " levels deep, expected at most ", kMostLevels);
}

}  // namespace pliant
