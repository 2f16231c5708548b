// The arg-max of a row, shared by the operations that name a class.
#pragma once

#include <cstdint>

namespace pliant::kernels::cpu {

// The index of the largest of row[0..c), the first of equals; NaN wins.
template <class T>
std::int32_t first_largest(const T* row, std::int64_t c) {
  std::int64_t best = 0;
  for (std::int64_t j = 1; j < c && row[best] == row[best]; ++j) {  // a NaN ends the search: it wins
    if (row[j] > row[best] || row[j] != row[j]) best = j;
  }
  return static_cast<std::int32_t>(best);
}

}  // namespace pliant::kernels::cpu
