#include "train/cli/structure.h"

#include <CLI/CLI.hpp>
#include <numeric>
#include <sstream>

#include "nets/exits.h"
#include "nets/stochastic_depth.h"
#include "nets/widths.h"
#include "nets/zoo.h"
#include "train/cli/architecture.h"
#include "train/cli/common.h"
#include "train/files/text.h"

namespace pliant::cli {

bool StructureOptions::given() const {
  return classes != 0 || resolution != 0 || !shortcut.empty() || !input.empty() || !branches.empty() || exits || exit_dropout != 0.0 ||
         flatten_head || !kernel_shape.empty() || !head.empty() || stem != 0 || !architecture.empty() || !masks.empty() || !widths.empty() ||
         stochastic_depth || block_scales;
}

void add_structure_options(CLI::App& verb, StructureOptions& o) {
  verb.add_option("--classes", o.classes, "number of classes (default: 10, or what the data has)")->check(CLI::Range(1, 1 << 20));
  verb.add_option("--shortcut", o.shortcut, "CIFAR ResNets: A (2x2 average pool, zero channels; default) or B (1x1 convolution, BN)")
      ->check(CLI::IsMember({"A", "B"}));
  verb.add_option("--head", o.head, "VGG: slimming (one linear layer; default), l1 (linear 512, BN, ReLU, linear), bias (biased convolutions); large VGG: gap")
      ->check(CLI::IsMember({"slimming", "l1", "bias", "gap"}));
  verb.add_option("--stem", o.stem, "DenseNet-40: channels of the first convolution (default: 24)")->check(CLI::IsMember({16, 24}));
  verb.add_option("--architecture", o.architecture, "pruned structure with fresh weights: a published one by name, JSON of `pliant prune`, or a checkpoint")
      ->type_name("NAME|FILE");
  auto* input = verb.add_option("--input", o.input, "input shape as CxHxW, e.g. 3x32x32 (default: the net's usual one, or what the data has)");
  verb.add_option("--resolution", o.resolution, "side of the input images where a net has both forms; data of another size is resized on the fly")
      ->check(CLI::IsMember({32, 224}))
      ->excludes(input);
  verb.add_option("--exits", o.exits, "further exits: none, all, stages, elastic, elastic5, own (of BranchyNets), or stages such as 3,6");
  verb.add_option("--exit-dropout", o.exit_dropout, "dropout before the linear layer of further exits")->check(CLI::Range(0.0, 0.99));
  verb.add_option("--branches", o.branches, "BranchyNets: side branches of the released code (default) or of the paper's text")
      ->check(CLI::IsMember({"code", "paper"}));
  verb.add_flag("--flatten-head", o.flatten_head, "the last classifier reads the flattened map instead of its average");
  verb.add_option("--kernel-shape", o.kernel_shape, "taps of 3x3 filters: full (default), cross (five), centre (one), or graded: fewer for smaller maps")
      ->check(CLI::IsMember({"full", "cross", "centre", "graded"}));
  verb.add_option("--widths", o.widths, "slimmable: ratios of the channels, e.g. 0.25,0.5,0.75,1.0")->delimiter(',');
  verb.add_option("--width-rounding", o.width_rounding, "truncate, or eight: multiples of 8 (default: as the papers have it for the net)")
      ->check(CLI::IsMember({"truncate", "eight"}));
  verb.add_option("--batch-norm", o.batch_norm,
                  "with --widths: switchable (all private to a width), statistics (private statistics alone) or shared (the naive variant)")
      ->check(CLI::IsMember({"switchable", "statistics", "shared"}))
      ->capture_default_str();
  verb.add_option("--stochastic-depth", o.stochastic_depth, "survival probability of the last residual block, in (0, 1]");
  verb.add_option("--survival", o.survival, "linear decay from 1 to it, or uniform")->check(CLI::IsMember({"linear", "uniform"}))->capture_default_str();
  verb.add_option("--gates", o.gates, "one gate per block and batch, or per block and sample (drop path)")
      ->check(CLI::IsMember({"batch", "sample"}))
      ->capture_default_str();
  verb.add_option("--survival-scaling", o.survival_scaling, "branches are scaled by their survival in the test, or by its inverse in training")
      ->check(CLI::IsMember({"test", "training"}))
      ->capture_default_str();
  verb.add_flag("--block-scales", o.block_scales, "a trained factor on every residual branch, which --block-sparsity can make zero");
  verb.add_option("--mask", o.masks, "channels of an axis that are off, e.g. layer2=0-3,8; may be repeated. `pliant info` lists the axes")
      ->type_name("AXIS=CHANNELS");
}

namespace {

void parse_input(const std::string& text, NetDescription& d) {
  const std::size_t first = text.find('x'), second = first == std::string::npos ? first : text.find('x', first + 1);
  PLIANT_REQUIRE(UsageError, second != std::string::npos, "--input: expected CxHxW, e.g. 3x32x32, got ", in_quotes(text));
  const auto c = parse_number<std::int64_t>(std::string_view(text).substr(0, first));
  const auto h = parse_number<std::int64_t>(std::string_view(text).substr(first + 1, second - first - 1));
  const auto w = parse_number<std::int64_t>(std::string_view(text).substr(second + 1));
  PLIANT_REQUIRE(UsageError, c && h && w && *c > 0 && *h > 0 && *w > 0 && *c <= 4096 && *h <= 16384 && *w <= 16384,
                 "--input: expected CxHxW of 1 to 4096 channels and 1 to 16384 pixels a side, e.g. 3x32x32, got ", in_quotes(text));
  d.channels = *c;
  d.height = *h;
  d.width = *w;
}

void apply_stochastic_depth(const StructureOptions& o, NetDescription& d) {
  const int blocks = build_net(d).blocks;
  PLIANT_REQUIRE(ConfigError, blocks > 0, d.name, ": has no residual branches; --stochastic-depth is for nets that have them");
  d.survival = o.survival == "linear" ? linear_survival(blocks, *o.stochastic_depth) : uniform_survival(blocks, *o.stochastic_depth);
  d.gate_per_sample = o.gates == "sample";
  d.scale_in_training = o.survival_scaling == "training";
}

}  // namespace

NetDescription describe_input(const std::string& net_name, const StructureOptions& o) {
  NetDescription d = default_description(net_name);
  if (o.classes != 0) d.classes = o.classes;
  if (!o.input.empty()) parse_input(o.input, d);
  if (o.resolution != 0) d.height = d.width = o.resolution;
  return d;
}

void apply_structure(const StructureOptions& o, NetDescription& d) {
  if (!o.architecture.empty()) apply_architecture(o.architecture, d);
  if (!o.head.empty()) {
    PLIANT_REQUIRE(ConfigError, o.architecture.empty() || d.head.empty() || d.head == o.head, "--head ", o.head, ": --architecture ",
                   o.architecture, " has the head ", d.head);
    d.head = o.head;
  }
  if (o.stem != 0) d.stem = o.stem;
  if (!o.shortcut.empty()) d.shortcut = o.shortcut[0];
  if (!o.branches.empty()) {
    PLIANT_REQUIRE(ConfigError, d.name.starts_with("b-"), d.name, ": --branches is for BranchyNets");
    d.branches = o.branches;
    d.exits = exit_stages(d, "own");
  }
  if (o.flatten_head) d.flatten_head = true;
  if (!o.kernel_shape.empty()) d.kernel_shape = o.kernel_shape;
  if (o.exits) d.exits = exit_stages(d, *o.exits);
  PLIANT_REQUIRE(ConfigError, o.exit_dropout == 0.0 || !d.exits.empty(), d.name, ": --exit-dropout needs further --exits");
  if (o.exit_dropout != 0.0) d.exit_dropout = o.exit_dropout;
  if (o.stochastic_depth) apply_stochastic_depth(o, d);
  if (o.block_scales) d.block_scales = true;
  if (o.widths.empty()) {
    PLIANT_REQUIRE(ConfigError, o.batch_norm == "switchable" && o.width_rounding.empty(), "--batch-norm and --width-rounding go with --widths");
    return;
  }
  const WidthRounding rounding = o.width_rounding.empty()        ? usual_rounding(d.name)
                                 : o.width_rounding == "truncate" ? WidthRounding::truncate
                                                                  : WidthRounding::eight;
  add_widths(d, o.widths, rounding,
             o.batch_norm == "switchable"   ? WidthStatistics::switchable
             : o.batch_norm == "statistics" ? WidthStatistics::statistics
                                            : WidthStatistics::shared);
}

namespace {

// "0-3,8" as channels of an axis of this size.
std::vector<std::int64_t> parse_channels(const std::string& text, std::int64_t size, const std::string& flag) {
  std::vector<std::int64_t> channels;
  std::istringstream parts(text);
  for (std::string part; std::getline(parts, part, ',');) {
    const std::size_t dash = part.find('-');
    const auto first = parse_number<std::int64_t>(std::string_view(part).substr(0, dash));
    const auto last = dash == std::string::npos ? first : parse_number<std::int64_t>(std::string_view(part).substr(dash + 1));
    PLIANT_REQUIRE(UsageError, first && last && *first >= 0 && *first <= *last && *last < size, flag, ": expected channels from 0 to ", size - 1,
                   " such as 0-3,8, got ", in_quotes(part));
    for (std::int64_t c = *first; c <= *last; ++c) channels.push_back(c);
  }
  PLIANT_REQUIRE(UsageError, !channels.empty(), flag, ": names no channels");
  return channels;
}

ChannelAxis& axis_named(Net& net, const std::string& name, const std::string& flag) {
  if (ChannelAxis* axis = net.store->find_axis(name)) return *axis;
  std::string known;
  for (const auto& axis : net.store->axes()) known += " " + axis->name();
  throw UsageError(cat(flag, ": ", net.description.name, " has no axis ", in_quotes(name), "; its axes are", known.substr(0, 400)));
}

}  // namespace

void apply_masks(const StructureOptions& o, Net& net) {
  for (const std::string& text : o.masks) {
    const std::string flag = "--mask " + in_quotes(text);
    const std::size_t equals = text.find('=');
    PLIANT_REQUIRE(UsageError, equals != std::string::npos, flag, ": expected AXIS=CHANNELS, e.g. layer2=0-3,8");
    ChannelAxis& axis = axis_named(net, text.substr(0, equals), flag);
    std::vector<float> keep(static_cast<std::size_t>(axis.size()), 1.0f);
    for (const std::int64_t c : parse_channels(text.substr(equals + 1), axis.size(), flag)) keep[static_cast<std::size_t>(c)] = 0.0f;
    for (int width = 0; width < axis.widths(); ++width) {
      float left = 0.0f;
      for (const Run& run : axis.runs(width)) left += std::accumulate(keep.begin() + run.first, keep.begin() + run.first + run.count, 0.0f);
      PLIANT_REQUIRE(UsageError, left > 0.0f, flag, ": leaves no channel of ", axis.name(), width == 0 ? "" : " at a narrower width");
    }
    axis.mask = Tensor::zeros(net.store->context(), {axis.size()}, net.store->dtype());
    if (net.store->dtype() == DType::f64) {
      axis.mask.write(std::vector<double>(keep.begin(), keep.end()).data());
    } else {
      axis.mask.write(keep.data());
    }
  }
}

NetDescription describe(const std::string& net_name, const StructureOptions& options) {
  NetDescription d = describe_input(net_name, options);
  apply_structure(options, d);
  return d;
}

}  // namespace pliant::cli
