// JSON written and read. It is UTF-8, while names of files, folders and classes may be in any encoding; its numbers may be fractions or
// larger than any of ours, and the library's own conversions take those for whole numbers.
#pragma once

#include <limits>
#include <nlohmann/json.hpp>
#include <string>
#include <type_traits>
#include <utility>

#include "core/check.h"
#include "core/nesting.h"

namespace pliant {

// A text from anywhere; is_discarded() where it is no JSON. FileError that begins with `what` where it nests so deep (core/nesting.h) that
// whoever prints or compares it would exhaust the stack.
inline nlohmann::ordered_json parse_json(const std::string& text, const std::string& what) {
  require_shallow(text, what);
  return nlohmann::ordered_json::parse(text, nullptr, false);
}

// As text, on one line or indented by so many spaces a level. What is not UTF-8 becomes U+FFFD, so that a strange letter neither ends a
// report nor loses a run.
template <class Json>
std::string json_text(const Json& json, int indent = -1) {
  return json.dump(indent, ' ', false, Json::error_handler_t::replace);
}

// The value as a T (a flag, a number, a text, or a list of those), exactly: FileError with its name, for a message, where it is none.
template <class T, class Json>
T json_value(const Json& value, const std::string& name) {
  const auto require = [&](bool fits, const auto&... expected) {
    PLIANT_REQUIRE(FileError, fits, "\"", name, "\" is ", json_text(value).substr(0, 60), ", expected ", expected...);
  };
  if constexpr (std::is_same_v<T, bool>) {
    require(value.is_boolean(), "true or false");
    return value.template get<T>();
  } else if constexpr (std::is_integral_v<T>) {
    const bool fits = value.is_number_unsigned() ? std::in_range<T>(value.template get<std::uint64_t>())
                                                 : value.is_number_integer() && std::in_range<T>(value.template get<std::int64_t>());
    require(fits, "a whole number from ", std::numeric_limits<T>::min(), " to ", std::numeric_limits<T>::max());
    return value.template get<T>();
  } else if constexpr (std::is_floating_point_v<T>) {
    require(value.is_number(), "a number");
    return value.template get<T>();
  } else if constexpr (std::is_same_v<T, std::string>) {
    require(value.is_string(), "a text");
    return value.template get<T>();
  } else {
    require(value.is_array(), "a list");
    T list;
    for (const Json& item : value) list.push_back(json_value<typename T::value_type>(item, name));
    return list;
  }
}

// A field of an object. FileError where it is missing, and where json_value() throws one.
template <class Json>
const Json& json_member(const Json& object, const std::string& name) {
  const auto found = object.find(name);
  PLIANT_REQUIRE(FileError, found != object.end(), "\"", name, "\" is missing");
  return *found;
}
template <class T, class Json>
T json_field(const Json& object, const std::string& name) {
  return json_value<T>(json_member(object, name), name);
}
// The same, but `otherwise` where it is missing.
template <class T, class Json>
T json_field(const Json& object, const std::string& name, const T& otherwise) {
  return object.contains(name) ? json_field<T>(object, name) : otherwise;
}

}  // namespace pliant
