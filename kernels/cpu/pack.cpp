#include "kernels/pack.h"

#include <array>
#include <numeric>

#include "kernels/cpu/through_f32.h"
#include "kernels/pack_checks.h"

namespace pliant::kernels::cpu {

namespace {

// The chosen positions of every dimension, as if both tensors had four; `step` is the distance of neighbours in x.
struct Choice {
  std::array<std::vector<std::int64_t>, 4> positions;
  std::array<std::int64_t, 4> step;
  bool last_is_run;  // the positions of the last dimension follow one another
};

std::vector<std::int64_t> positions_of(const char* op, const Tensor& index, std::int64_t size) {
  std::vector<std::int64_t> positions(static_cast<std::size_t>(index ? index.size() : size));
  if (!index) {
    std::iota(positions.begin(), positions.end(), 0);
    return positions;
  }
  std::vector<bool> taken(static_cast<std::size_t>(size), false);
  for (std::size_t i = 0; i < positions.size(); ++i) {
    const std::int32_t at = index.data<std::int32_t>()[i];
    PLIANT_REQUIRE(ShapeError, at >= 0 && at < size, op, ": index ", at, " is outside 0..", size - 1);
    PLIANT_REQUIRE(ShapeError, !taken[static_cast<std::size_t>(at)], op, ": index ", at, " is given twice");
    taken[static_cast<std::size_t>(at)] = true;
    positions[i] = at;
  }
  return positions;
}

Choice choose(const char* op, const Shape& shape, const std::vector<Tensor>& indices) {
  Choice choice;
  std::int64_t step = 1;
  for (int d = 3; d >= 0; --d) {
    const int own = d - (4 - shape.rank());  // dimensions that x lacks come first and have size 1
    const std::int64_t size = own < 0 ? 1 : shape[own];
    choice.positions[static_cast<std::size_t>(d)] =
        positions_of(op, own < 0 ? Tensor() : indices[static_cast<std::size_t>(own)], size);
    choice.step[static_cast<std::size_t>(d)] = step;
    step *= size;
  }
  const auto& last = choice.positions[3];
  choice.last_is_run = !last.empty();
  for (std::size_t i = 1; i < last.size(); ++i) choice.last_is_run &= last[i] == last[0] + static_cast<std::int64_t>(i);
  return choice;
}

// Calls f(position in the whole, position in the part, count) for runs that are contiguous in both.
template <class F>
void for_runs(const Choice& choice, F&& f) {
  const auto& [first, second, third, last] = choice.positions;
  const auto count = static_cast<std::int64_t>(last.size());
  std::int64_t part = 0;
  for (const std::int64_t i : first) {
    for (const std::int64_t j : second) {
      for (const std::int64_t k : third) {
        const std::int64_t whole = i * choice.step[0] + j * choice.step[1] + k * choice.step[2];
        if (choice.last_is_run) {
          f(whole + last[0], part, count);
        } else {
          for (std::int64_t l = 0; l < count; ++l)
            f(whole + last[static_cast<std::size_t>(l)], part + l, std::int64_t{1});
        }
        part += count;
      }
    }
  }
}

}  // namespace

void pack(const Tensor& x, const std::vector<Tensor>& indices, Tensor& y) {
  check_pack("pack", x, indices, y, x.dtype());
  const Choice choice = choose("pack", x.shape(), indices);
  dispatch_cpu_storage(x.dtype(), "pack", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const T* whole = x.data<T>();
    T* part = y.data<T>();
    for_runs(choice, [&](std::int64_t from, std::int64_t to, std::int64_t count) {
      for (std::int64_t i = 0; i < count; ++i) part[to + i] = whole[from + i];
    });
  });
}

void unpack_accumulate(const Tensor& dy, const std::vector<Tensor>& indices, Tensor& dx) {
  check_unpack(dy, indices, dx);
  if (is_16_bit(dy.dtype())) return through_f32(unpack_accumulate, dy, indices, dx);
  const Choice choice = choose("unpack_accumulate", dx.shape(), indices);
  dispatch_cpu(dx.dtype(), "unpack_accumulate", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const T* part = dy.data<T>();
    T* whole = dx.data<T>();
    for_runs(choice, [&](std::int64_t to, std::int64_t from, std::int64_t count) {
      for (std::int64_t i = 0; i < count; ++i) whole[to + i] += part[from + i];
    });
  });
}

}  // namespace pliant::kernels::cpu
