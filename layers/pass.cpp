#include "layers/pass.h"

#include <bit>

namespace pliant {

namespace {

constexpr int kBits = 64;

std::size_t mix(std::size_t hash, std::uint64_t value) { return (hash ^ value) * 0x9E3779B97F4A7C15ull + (hash >> 29); }

}  // namespace

void IndexSet::insert(int member) {
  PLIANT_REQUIRE(ConfigError, member >= 0, "an index is 0 or more, got ", member);
  const auto word = static_cast<std::size_t>(member / kBits);
  if (words_.size() <= word) words_.resize(word + 1, 0);
  words_[word] |= std::uint64_t{1} << (member % kBits);
}

bool IndexSet::contains(int member) const {
  const auto word = static_cast<std::size_t>(member / kBits);
  return member >= 0 && word < words_.size() && (words_[word] >> (member % kBits) & 1);
}

int IndexSet::count() const {
  int count = 0;
  for (const std::uint64_t word : words_) count += std::popcount(word);
  return count;
}

std::size_t IndexSet::hash() const {
  std::size_t hash = words_.size();
  for (const std::uint64_t word : words_) hash = mix(hash, word);
  return hash;
}

std::ostream& operator<<(std::ostream& out, const IndexSet& set) {
  out << '{';
  bool first = true;
  for (int i = 0; i < static_cast<int>(set.words_.size()) * kBits; ++i) {
    if (!set.contains(i)) continue;
    out << (first ? "" : ", ") << i;
    first = false;
  }
  return out << '}';
}

std::ostream& operator<<(std::ostream& out, const Selection& selection) {
  out << "width " << selection.width;
  if (selection.statistics != Selection::kOfWidth) out << ", statistics " << selection.statistics;
  if (!selection.dropped.empty()) out << ", dropped blocks " << selection.dropped;
  if (!selection.skipped_exits.empty()) out << ", skipped exits " << selection.skipped_exits;
  return out;
}

}  // namespace pliant

std::size_t std::hash<pliant::Selection>::operator()(const pliant::Selection& selection) const noexcept {
  std::size_t mixed = pliant::mix(static_cast<std::size_t>(selection.width), static_cast<std::uint64_t>(selection.statistics + 2));
  mixed = pliant::mix(mixed, selection.dropped.hash());
  return pliant::mix(mixed, selection.skipped_exits.hash());
}
