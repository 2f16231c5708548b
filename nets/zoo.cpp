#include "nets/zoo.h"

#include <algorithm>
#include <cmath>

#include "core/name_key.h"
#include "core/rng.h"
#include "nets/builder.h"

namespace pliant {

namespace {

struct Family {
  const char* name;
  NetBuilderFunction build;
};

struct AddedNet {
  NetDescription description;
  NetBuilderFunction build;
};

// Those of the program, in the order they were added.
std::vector<AddedNet>& added_nets() {
  static std::vector<AddedNet> nets;
  return nets;
}

const AddedNet* find_added(const std::string& name) {
  for (const AddedNet& net : added_nets()) {
    if (net.description.name == name) return &net;
  }
  return nullptr;
}

constexpr Family kFamilies[] = {{"lenet5", build_lenet5},    {"mlp", build_mlp},          {"vgg16", build_vgg},
                                {"vgg19", build_vgg},        {"resnet20", build_resnet},  {"resnet32", build_resnet},
                                {"resnet44", build_resnet},  {"resnet56", build_resnet},  {"resnet110", build_resnet},
                                {"resnet152", build_resnet}, {"resnet1202", build_resnet}, {"resnet50", build_resnet50},
                                {"resnet34", build_resnet50}, {"preresnet20", build_preresnet}, {"preresnet29", build_preresnet},
                                {"preresnet56", build_preresnet}, {"preresnet110", build_preresnet}, {"preresnet164", build_preresnet},
                                {"preresnet50", build_preresnet50}, {"mobilenet-v1", build_mobilenet},
                                {"densenet40", build_small_densenet}, {"densenet-bc100", build_small_densenet},
                                {"densenet121", build_densenet}, {"densenet169", build_densenet}, {"vgg16-imagenet", build_large_vgg},
                                {"vgg16-bn-imagenet", build_large_vgg}, {"vgg11-bn-imagenet", build_large_vgg},
                                {"b-lenet", build_branchy}, {"b-alexnet", build_branchy}, {"b-resnet110", build_branchy_resnet}};

std::string joined_names() {
  std::string names;
  for (const std::string& name : net_names()) names += (names.empty() ? "" : " ") + name;
  return names;
}

bool for_large_images(const std::string& name) {
  const bool small_densenet = name == "densenet40" || name == "densenet-bc100";
  return name == "resnet34" || name == "resnet50" || name == "preresnet50" || name.ends_with("-imagenet") ||
         (name.starts_with("densenet") && !small_densenet);
}

// Fields that only some families read must not be set for the others, which would ignore them.
void require_fields_used(const NetDescription& d) {
  PLIANT_REQUIRE(ConfigError, d.shortcut == 'A' || (d.name.starts_with("resnet") && !for_large_images(d.name)), d.name, ": shortcut ",
                 d.shortcut, ": a choice of shortcut is for ResNets of 6n + 2 layers");
  const bool small_vgg = d.name == "vgg16" || d.name == "vgg19";
  PLIANT_REQUIRE(ConfigError,
                 d.head.empty() || (small_vgg && (d.head == "slimming" || d.head == "l1" || d.head == "bias")) ||
                     (d.name.starts_with("vgg") && !small_vgg && d.head == "gap") || (d.name == "resnet50" && d.head == "bias"),
                 d.name, ": head \"", d.head,
                 "\": slimming, l1 and bias are for vgg16 and vgg19, gap for the VGGs for large images, bias for resnet50");
  PLIANT_REQUIRE(ConfigError, d.stem == 0 || (d.name == "densenet40" && (d.stem == 16 || d.stem == 24)), d.name, ": stem ", d.stem,
                 ": densenet40 has a stem of 24 or 16 channels, other nets have no choice");
}

}  // namespace

namespace {

std::vector<std::string>& all_names() {
  static std::vector<std::string> names = [] {
    std::vector<std::string> all;
    for (const Family& family : kFamilies) all.emplace_back(family.name);
    return all;
  }();
  return names;
}

}  // namespace

const std::vector<std::string>& net_names() { return all_names(); }

bool is_net_name(const std::string& name) { return std::find(net_names().begin(), net_names().end(), name) != net_names().end(); }

void add_net(const NetDescription& description, NetBuilderFunction build) {
  PLIANT_REQUIRE(ConfigError, !description.name.empty() && build, "a net that is added needs a name and a builder");
  PLIANT_REQUIRE(ConfigError, !is_net_name(description.name), description.name, ": there is a net of this name already; take another");
  added_nets().push_back({description, build});
  all_names().push_back(description.name);
}

Net build_net(const NetDescription& description) {
  if (const AddedNet* own = find_added(description.name)) return own->build(description);
  for (const Family& family : kFamilies) {
    if (description.name != family.name) continue;
    require_fields_used(description);
    return family.build(description);
  }
  throw UsageError(cat("there is no net \"", description.name, "\"; the nets are ", joined_names()));
}

NetDescription default_description(const std::string& name) {
  PLIANT_REQUIRE(UsageError, is_net_name(name), "there is no net \"", name, "\"; the nets are ", joined_names());
  if (const AddedNet* own = find_added(name)) return own->description;
  NetDescription description;
  description.name = name;
  if (name == "lenet5" || name == "mlp" || name == "b-lenet") {
    description.height = description.width = 28;
    description.channels = 1;
  }
  if (for_large_images(name)) description.height = description.width = 224;
  description.exits = branch_stages(name, description.branches);
  return description;
}

const std::vector<InitialRule>& initial_rules() {
  static const std::vector<InitialRule> rules = {InitialRule::he_normal,     InitialRule::he_normal_out,  InitialRule::he_uniform,
                                                 InitialRule::xavier_normal, InitialRule::xavier_uniform, InitialRule::lecun_normal,
                                                 InitialRule::pytorch};
  return rules;
}

const char* name_of(InitialRule rule) {
  switch (rule) {
    case InitialRule::he_normal: return "he-normal";
    case InitialRule::he_normal_out: return "he-normal-out";
    case InitialRule::he_uniform: return "he-uniform";
    case InitialRule::xavier_normal: return "xavier-normal";
    case InitialRule::xavier_uniform: return "xavier-uniform";
    case InitialRule::lecun_normal: return "lecun-normal";
    case InitialRule::pytorch: return "pytorch";
  }
  return "?";
}

InitialRule initial_rule(const std::string& name) {
  std::string known;
  for (const InitialRule rule : initial_rules()) {
    if (name == name_of(rule)) return rule;
    known += cat(known.empty() ? "" : " ", name_of(rule));
  }
  throw UsageError(cat("there is no initialisation \"", name, "\"; the rules are ", known));
}

namespace {

struct Distribution {
  bool normal;
  double size;  // standard deviation, or half the width of the interval
};

Distribution distribution(InitialRule rule, double n_in, double n_out) {
  switch (rule) {
    case InitialRule::he_normal: return {true, std::sqrt(2.0 / n_in)};
    case InitialRule::he_normal_out: return {true, std::sqrt(2.0 / n_out)};
    case InitialRule::he_uniform: return {false, std::sqrt(6.0 / n_in)};
    case InitialRule::xavier_normal: return {true, std::sqrt(2.0 / (n_in + n_out))};
    case InitialRule::xavier_uniform: return {false, std::sqrt(6.0 / (n_in + n_out))};
    case InitialRule::lecun_normal: return {true, std::sqrt(1.0 / n_in)};
    case InitialRule::pytorch: return {false, std::sqrt(1.0 / n_in)};
  }
  return {true, 0.0};
}

void write_values(Parameter& parameter, const std::vector<double>& values) {
  if (parameter.value.dtype() == DType::f64) {
    parameter.value.write(values.data());
  } else {
    parameter.value.write(std::vector<float>(values.begin(), values.end()).data());
  }
}

}  // namespace

void initialise(Net& net, std::uint64_t seed, InitialRule rule, double scale) {
  double weight_fan_in = 1.0;  // of the weight declared just before a bias
  for (Parameter& parameter : net.store->parameters()) {
    std::vector<double> values(static_cast<std::size_t>(parameter.shape().size()), 0.0);
    const bool drawn = parameter.role == Role::filter || parameter.role == Role::weight;
    if (drawn) {
      const Shape shape = parameter.shape();
      weight_fan_in = static_cast<double>(shape[1] * shape[2] * shape[3]);
      const double n_out = static_cast<double>(shape[0]) * (parameter.role == Role::filter ? static_cast<double>(shape[1] * shape[2]) : 1.0);
      const Distribution d = distribution(rule, weight_fan_in, n_out);
      const RandomStream stream(seed, Purpose::init, 0, name_key(parameter.name));
      for (std::size_t i = 0; i < values.size(); ++i) {
        values[i] = d.size * (d.normal ? stream.normal(i) : 2.0 * static_cast<double>(stream.uniform(i)) - 1.0);
      }
    } else if (parameter.role == Role::bias && rule == InitialRule::pytorch) {
      const RandomStream stream(seed, Purpose::init, 0, name_key(parameter.name));
      const double bound = 1.0 / std::sqrt(weight_fan_in);
      for (std::size_t i = 0; i < values.size(); ++i) values[i] = bound * (2.0 * static_cast<double>(stream.uniform(i)) - 1.0);
    } else if (parameter.role == Role::scale) {
      values.assign(values.size(), scale);
    } else if (parameter.role == Role::block_scale || parameter.role == Role::running_variance) {
      values.assign(values.size(), 1.0);
    }
    write_values(parameter, values);
  }
}

Net copy_of(const Net& net) {
  Net copy = build_net(net.description);
  copy.store->allocate(net.store->context(), net.store->dtype(), net.store->compute_dtype());
  for (Parameter& target : copy.store->parameters()) {
    const Parameter& source = *net.store->find(target.name);
    target.value.copy_from(source.value);
    if (source.mask) target.mask = source.mask.clone();
    target.frozen = source.frozen;
  }
  for (const auto& target : copy.store->axes()) {
    const ChannelAxis& source = *net.store->find_axis(target->name());
    if (source.mask) target->mask = source.mask.clone();
  }
  return copy;
}

}  // namespace pliant
