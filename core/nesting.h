// How deep a JSON text nests. Whoever prints, copies or compares values read from a file does so by recursion, so readers of JSON ask this
// first: a hostile text of a few hundred kilobytes would else exhaust the stack. Looks at brackets alone; nothing here parses.
#pragma once

#include <string_view>

namespace pliant {

// Levels of brackets that are open at most, strings left out: 0 for a number, 1 for [], 2 for {"a": [1]}.
int json_nesting(std::string_view text);

// FileError that begins with `what` for a text of more than 64 levels; what the program writes has fewer than ten.
void require_shallow(std::string_view text, std::string_view what);

}  // namespace pliant
