#include "nets/plans.h"

#include <algorithm>
#include <array>
#include <numeric>

#include "nets/widths.h"
#include "nets/zoo.h"

namespace pliant {

namespace {

std::vector<int> group_blocks(const std::string& net) {
  if (net == "resnet56") return {9, 9, 9};
  if (net == "resnet110") return {18, 18, 18};
  return {3, 4, 6, 3};
}

// Calls visit(group, position in it, "layer<group + 1>.<position>") for every residual block.
template <class Visit>
void each_block(const std::string& net, Visit&& visit) {
  const std::vector<int> blocks = group_blocks(net);
  for (std::size_t group = 0; group < blocks.size(); ++group) {
    for (int i = 0; i < blocks[group]; ++i) visit(group, i, cat("layer", group + 1, ".", i));
  }
}

// Li et al., 2017: a ratio per group for the first convolution of each block but for some

struct FilterPlan {
  const char *name, *net;
  std::vector<double> ratios;  // by group
  std::vector<int> skipped;    // by number of the convolution: the stem is 1, those of shortcuts do not count
};

const std::vector<FilterPlan>& filter_plans() {
  static const std::vector<int> skipped_34 = {2, 8, 14, 16, 26, 28, 30, 32};
  static const std::vector<FilterPlan> plans = {{"resnet56-a", "resnet56", {0.1, 0.1, 0.1}, {16, 20, 38, 54}},
                                                {"resnet56-b", "resnet56", {0.6, 0.3, 0.1}, {16, 18, 20, 34, 38, 54}},
                                                {"resnet110-a", "resnet110", {0.5, 0.0, 0.0}, {36}},
                                                {"resnet110-b", "resnet110", {0.5, 0.4, 0.3}, {36, 38, 74}},
                                                {"resnet34-a", "resnet34", {0.3, 0.3, 0.3, 0.0}, skipped_34},
                                                {"resnet34-b", "resnet34", {0.5, 0.6, 0.4, 0.0}, skipped_34}};
  return plans;
}

std::map<std::string, double> ratios_of(const FilterPlan& plan) {
  std::map<std::string, double> ratios;
  int convolution = 2;
  each_block(plan.net, [&](std::size_t group, int, const std::string& block) {
    const bool skipped = std::find(plan.skipped.begin(), plan.skipped.end(), convolution) != plan.skipped.end();
    if (!skipped && plan.ratios[group] > 0.0) ratios[block + ".conv1"] = plan.ratios[group];
    convolution += 2;
  });
  return ratios;
}

// VGG: axes of the convolutions in order

std::vector<std::string> convolutions(const NetDescription& d) {
  std::vector<std::string> names;
  const Net net = build_net(d);
  for (const auto& axis : net.store->axes()) {
    if (axis->name().starts_with("features.")) names.push_back(axis->name());
  }
  return names;
}

// The first and the eighth to thirteenth convolution lose half of their channels.
std::map<std::string, double> vgg16_a_ratios() {
  std::map<std::string, double> ratios;
  const std::vector<std::string> names = convolutions(default_description("vgg16"));
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (i == 0 || i >= 7) ratios[names[i]] = 0.5;
  }
  return ratios;
}

void set_convolutions(NetDescription& d, const std::vector<std::int64_t>& sizes) {
  const std::vector<std::string> names = convolutions(d);
  for (std::size_t i = 0; i < sizes.size(); ++i) d.axis_sizes[names[i]] = sizes[i];
}

void remove_ratios(NetDescription& d, const std::map<std::string, double>& ratios) {
  Net net = build_net(d);
  for (const auto& [axis, ratio] : ratios) {
    d.axis_sizes[axis] = rounded_width(net.store->find_axis(axis)->size(), 1.0 - ratio, WidthRounding::truncate);
  }
}

// ResNet-50: the two inner convolutions of every bottleneck, or what it reads as well

void thinet(NetDescription& d, double kept) {
  d.head = "bias";
  each_block(d.name, [&](std::size_t group, int, const std::string& block) {
    const std::int64_t size = rounded_width(std::int64_t{64} << group, kept, WidthRounding::truncate);
    d.axis_sizes[block + ".conv1"] = d.axis_sizes[block + ".conv2"] = size;
  });
}

// He et al., "Channel pruning for accelerating very deep neural networks", 2017: channels read, and of both inner convolutions.
void regression_2x(NetDescription& d) {
  constexpr std::array<std::array<std::int32_t, 3>, 16> kSizes = {{{35, 64, 55}, {101, 51, 39}, {97, 50, 37},
                                                                   {144, 128, 106}, {205, 105, 72}, {198, 105, 72}, {288, 128, 110},
                                                                   {278, 256, 225}, {418, 209, 147}, {407, 204, 158},
                                                                   {423, 212, 155}, {412, 211, 148}, {595, 256, 213},
                                                                   {606, 512, 433}, {1222, 512, 437}, {1147, 512, 440}}};
  d.head = "bias";
  std::size_t next = 0;
  each_block(d.name, [&](std::size_t, int, const std::string& block) {
    const auto& [read, first, second] = kSizes[next++];
    std::vector<std::int32_t>& kept = d.kept[block + ".select"];
    kept.resize(static_cast<std::size_t>(read));
    std::iota(kept.begin(), kept.end(), 0);
    d.axis_sizes[block + ".conv1"] = first;
    d.axis_sizes[block + ".conv2"] = second;
  });
}

// Huang and Wang, 2018: how many branches are left in each group, and whether the first one, beside the projection, is among them.
// Which of the others went is not published: here the last ones.
struct GroupLeft {
  int branches;
  bool first;
};

void leave_branches(NetDescription& d, const std::vector<GroupLeft>& left) {
  int block = 0;
  each_block(d.name, [&](std::size_t group, int i, const std::string&) {
    const GroupLeft& g = left[group];
    const int place = g.first ? i : i - 1;  // among those that may stay
    if (place < 0 || place >= g.branches) d.removed_blocks.push_back(block);
    ++block;
  });
}

// by name

struct Architecture {
  const char *name, *net;
  void (*prune)(NetDescription&);
};

constexpr Architecture kArchitectures[] = {
    {"vgg16-a", "vgg16", [](NetDescription& d) { d.head = "l1"; remove_ratios(d, vgg16_a_ratios()); }},
    {"vgg16-slimming-average", "vgg16",
     [](NetDescription& d) { set_convolutions(d, {39, 64, 128, 128, 255, 250, 226, 217, 120, 63, 48, 62, 89}); }},
    {"vgg16-thinet-conv", "vgg16-imagenet",
     [](NetDescription& d) { set_convolutions(d, {32, 32, 64, 64, 128, 128, 128, 256, 256, 256}); }},
    {"vgg16-thinet-gap", "vgg16-imagenet",
     [](NetDescription& d) { d.head = "gap"; set_convolutions(d, {32, 32, 64, 64, 128, 128, 128, 256, 256, 256}); }},
    {"vgg16-thinet-tiny", "vgg16-imagenet",
     [](NetDescription& d) { d.head = "gap"; set_convolutions(d, {16, 16, 32, 32, 64, 64, 64, 128, 128, 128, 128, 128, 256}); }},
    {"vgg16-5x", "vgg16-imagenet",
     [](NetDescription& d) { set_convolutions(d, {24, 22, 41, 51, 108, 89, 111, 184, 276, 228}); }},
    {"resnet50-thinet-70", "resnet50", [](NetDescription& d) { thinet(d, 0.7); }},
    {"resnet50-thinet-50", "resnet50", [](NetDescription& d) { thinet(d, 0.5); }},
    {"resnet50-thinet-30", "resnet50", [](NetDescription& d) { thinet(d, 0.3); }},
    {"resnet50-2x", "resnet50", regression_2x},
    {"resnet-sss-41", "preresnet50", [](NetDescription& d) { leave_branches(d, {{0, false}, {4, true}, {6, true}, {3, true}}); }},
    {"resnet-sss-32", "preresnet50", [](NetDescription& d) { leave_branches(d, {{1, false}, {4, true}, {4, true}, {1, true}}); }},
    {"resnet-sss-26", "preresnet50", [](NetDescription& d) { leave_branches(d, {{0, false}, {2, false}, {5, false}, {1, true}}); }}};

NetDescription started(const char* net) {
  NetDescription d = default_description(net);
  d.classes = d.height == 224 ? 1000 : 10;
  return d;
}

}  // namespace

const std::vector<std::string>& published_architectures() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> all;
    for (const FilterPlan& plan : filter_plans()) all.emplace_back(plan.name);
    for (const Architecture& architecture : kArchitectures) all.emplace_back(architecture.name);
    std::sort(all.begin(), all.end());
    return all;
  }();
  return names;
}

bool is_published_architecture(const std::string& name) {
  return std::binary_search(published_architectures().begin(), published_architectures().end(), name);
}

namespace {

std::string joined(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : " ") + name;
  return text;
}

}  // namespace

NetDescription published_architecture(const std::string& name) {
  for (const FilterPlan& plan : filter_plans()) {
    if (name != plan.name) continue;
    NetDescription d = started(plan.net);
    remove_ratios(d, ratios_of(plan));
    return d;
  }
  for (const Architecture& architecture : kArchitectures) {
    if (name != architecture.name) continue;
    NetDescription d = started(architecture.net);
    architecture.prune(d);
    return d;
  }
  throw UsageError(cat("there is no published architecture \"", name, "\"; there are ", joined(published_architectures())));
}

std::map<std::string, double> published_ratios(const std::string& name) {
  if (name == "vgg16-a") return vgg16_a_ratios();
  std::vector<std::string> names{"vgg16-a"};
  for (const FilterPlan& plan : filter_plans()) {
    if (name == plan.name) return ratios_of(plan);
    names.emplace_back(plan.name);
  }
  throw UsageError(cat("there is no plan of ratios \"", name, "\"; there are ", joined(names)));
}

}  // namespace pliant
