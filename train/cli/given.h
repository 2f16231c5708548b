// A flag that was given goes over the value that a recipe or a record holds.
#pragma once

#include <optional>

namespace pliant::cli {

template <class T>
void put(const std::optional<T>& given, T& value) {
  if (given) value = *given;
}

}  // namespace pliant::cli
