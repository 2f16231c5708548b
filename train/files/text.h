// Small text helpers of train/: numbers that survive a round trip, and foreign text made safe for a one-line message.
// Independent of the locale. Header only; owns nothing.
#pragma once

#include <charconv>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>

namespace pliant {

// The shortest decimal text that reads back as exactly this value.
inline std::string number_text(double value) {
  char buffer[32];
  const auto [end, error] = std::to_chars(buffer, buffer + sizeof buffer, value);
  return error == std::errc{} ? std::string(buffer, end) : std::string("nan");
}

// The number that is the whole text, without spaces or a leading '+'; nothing if it is anything else or out of range.
template <class T>
std::optional<T> parse_number(std::string_view text) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || text.empty()) return std::nullopt;
  return value;
}

// Text from outside, in quotes: control characters and quotes become \xNN, long text is cut, so that it stays one line.
inline std::string in_quotes(std::string_view text, std::size_t limit = 80) {
  constexpr char kHex[] = "0123456789abcdef";
  std::string out = "'";
  for (const char c : text.substr(0, limit)) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f || c == '\'') {
      out += {'\\', 'x', kHex[byte >> 4], kHex[byte & 15]};
    } else {
      out += c;
    }
  }
  return out + (text.size() > limit ? "...'" : "'");
}

}  // namespace pliant
