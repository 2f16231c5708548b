#include "core/check.h"

#include <cstdio>
#include <cstdlib>

namespace pliant {

void invariant_failed(const char* condition, const std::string& message, std::source_location where) {
  std::fprintf(stderr, "%s:%u: broken invariant: %s %s\n", where.file_name(), where.line(), condition, message.c_str());
  std::abort();
}

}  // namespace pliant
