// A number for a name, to key a random stream by: draws then survive changes elsewhere in a net.
#pragma once

#include <cstdint>
#include <string_view>

namespace pliant {

// FNV-1a, 32 bits.
inline std::uint32_t name_key(std::string_view name) {
  std::uint32_t hash = 2166136261u;
  for (const char letter : name) hash = (hash ^ static_cast<unsigned char>(letter)) * 16777619u;
  return hash;
}

}  // namespace pliant
