#include "nets/kernel_shapes.h"

#include <functional>
#include <set>

#include "nets/zoo.h"

namespace pliant {

KernelShape kernel_shape(const std::string& name) {
  for (const KernelShape shape : {KernelShape::full, KernelShape::cross, KernelShape::centre}) {
    if (name == name_of(shape)) return shape;
  }
  throw ConfigError(cat("kernel shape \"", name, "\": expected full, cross, centre or graded"));
}

std::map<std::string, KernelShape> graded_kernel_shapes(const NetDescription& description) {
  NetDescription whole = description;  // before anything was removed, every filter a cross: its rows of cost are the ones to grade
  whole.kernel_shape = "cross";
  whole.kept.clear();
  whole.removed_blocks.clear();
  whole.last_stage = -1;
  std::map<std::string, std::int64_t> pixels;
  std::set<std::int64_t, std::greater<>> sizes;
  for (const LayerCost& row : cost(build_net(whole)).layers) {
    if (row.type != "cross conv2d") continue;
    pixels[row.name] = row.output[1] * row.output[2];
    sizes.insert(row.output[1] * row.output[2]);
  }
  PLIANT_REQUIRE(ConfigError, sizes.size() >= 2, description.name, ": its 3 x 3 convolutions write maps of ", sizes.size(),
                 " sizes; a graded kernel shape needs at least 2");
  const std::int64_t last = *sizes.rbegin(), before = *std::next(sizes.rbegin());
  std::map<std::string, KernelShape> shapes;
  for (const auto& [name, size] : pixels) {
    shapes[name] = size == last ? KernelShape::centre : size == before && sizes.size() >= 3 ? KernelShape::cross : KernelShape::full;
  }
  return shapes;
}

}  // namespace pliant
