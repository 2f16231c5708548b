// MD5 (RFC 1321), for comparing files with the check sums that their authors publish. Against accidents, not attackers.
#pragma once

#include <cstdint>
#include <span>
#include <string>

namespace pliant {

// The digest as 32 lower-case hexadecimal digits.
std::string md5_hex(std::span<const std::uint8_t> bytes);

}  // namespace pliant
