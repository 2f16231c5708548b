#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>

#include "nets/json.h"
#include "nets/stochastic_depth.h"
#include "nets/widths.h"
#include "train/checkpoint_header.h"
#include "train/cli/common.h"
#include "train/cli/structure.h"
#include "train/cli/verbs.h"
#include "train/parts.h"
#include "train/report/table.h"

namespace pliant::cli {

namespace {

struct InfoOptions {
  std::string net;
  StructureOptions structure;
  bool depth = false, json = false;
  std::string counting = "trainable";
  std::vector<std::string> beside;  // complete nets, for comparison
};

std::vector<std::int64_t> sizes_of(const Shape& output) {  // without the batch, channels first, as files have them
  if (output.rank() == 4) return {output[3], output[1], output[2]};
  std::vector<std::int64_t> sizes;
  for (int i = 1; i < output.rank(); ++i) sizes.push_back(output[i]);
  return sizes;
}

std::string text_of(const std::vector<std::int64_t>& sizes) {
  std::string text;
  for (const std::int64_t size : sizes) text += cat(text.empty() ? "" : "x", size);
  return text;
}

using Format = Table::Format;

Table table_of_parts(const Net& net) {
  Table table({{"width", Format::number}, {"exit", Format::integer}, {"parameters", Format::integer}, {"macs", Format::integer}});
  for (const Part& part : parts_of(net)) table.add_row({part.width, part.exit, part.parameters, part.macs});
  return table;
}

// Scale and shift that every switch of the width adds, as a share of all parameters the net holds.
Table table_of_switches(const Net& net) {
  Table table({{"width", Format::number}, {"batch_norm_scalars", Format::integer}, {"share", Format::percent}});
  const int sets = net.description.shared_scale_shift ? 1 : net.description.batch_norm_sets;
  for (int set = 0; set < sets; ++set) {
    std::int64_t scalars = 0;
    for (const Parameter& parameter : net.store->parameters()) {
      const bool batch_norm = parameter.role == Role::scale || parameter.role == Role::shift;
      const bool own = set == 0 ? parameter.name.find(".set") == std::string::npos : parameter.name.find(cat(".set", set, ".")) != std::string::npos;
      if (batch_norm && own) scalars += parameter.shape().size();
    }
    table.add_row({width_ratio(net.description, set), scalars, static_cast<double>(scalars) / static_cast<double>(net.store->trainable_count())});
  }
  return table;
}

// What stands before each exit: its convolutions, and its parameters as if that exit were the only one. Beside them complete nets
// for the same input and classes.
Table table_of_depth(const Net& net, const InfoOptions& options) {
  Table table({{"net"}, {"exit", Format::integer}, {"stage", Format::integer}, {"convolutions", Format::integer},
               {"parameters", Format::integer}, {"macs", Format::integer}});
  const auto add_rows = [&](const Net& shown) {
    int exit = 0;
    for (const ExitDepth& row : depth_table(shown, {}, options.counting == "keras" ? Counting::keras : Counting::trainable)) {
      table.add_row({shown.description.name, exit++, row.stage, row.convolutions, row.parameters, row.macs});
    }
  };
  add_rows(net);
  for (const std::string& name : options.beside) {
    NetDescription d = default_description(name);
    d.exits.clear();
    d.height = net.description.height;
    d.width = net.description.width;
    d.channels = net.description.channels;
    d.classes = net.description.classes;
    d.flatten_head = net.description.flatten_head;
    add_rows(build_net(d));
  }
  return table;
}

// Survival of the blocks that are left where a net ends early.
std::vector<double> survival_of(const Net& net) {
  std::vector<double> survival = net.description.survival;
  survival.resize(std::min(survival.size(), static_cast<std::size_t>(net.blocks)));
  return survival;
}

bool has_parts(const Net& net) { return net.widths() > 1 || net.exits() > 1; }

void add_structure(const Net& net, const InfoOptions& options, nlohmann::ordered_json& json) {
  json["held_parameters"] = net.store->trainable_count();
  json["rows"] = nlohmann::ordered_json::parse(table_of_parts(net).json());
  if (options.depth) json["depth"] = nlohmann::ordered_json::parse(table_of_depth(net, options).json());
  if (net.widths() > 1) json["batch_norm"] = nlohmann::ordered_json::parse(table_of_switches(net).json());
  if (survival_of(net).empty()) return;
  const std::vector<double> survival = survival_of(net);
  json["stochastic_depth"] = {{"survival", survival}, {"expected_open_blocks", expected_open_blocks(survival)}, {"expected_macs", expected_macs(net)}};
}

void print_structure(const Net& net, const InfoOptions& options) {
  if (has_parts(net)) std::cout << "\nEvery width and exit:\n" << table_of_parts(net).text();
  if (options.depth) std::cout << "\nUp to each exit (" << options.counting << " parameters):\n" << table_of_depth(net, options).text();
  if (net.widths() > 1) {
    std::cout << "\nBatch norm of every switch, of the " << with_commas(net.store->trainable_count()) << " parameters that the net holds:\n"
              << table_of_switches(net).text();
  }
  if (survival_of(net).empty()) return;
  const std::vector<double> survival = survival_of(net);
  std::cout << fmt::format("\nStochastic depth: survival {:.4f} of the first block to {:.4f} of the last; in training {:.2f} of {} blocks are open and "
                           "{:.2f} % of the MACs run, on average\n",
                           survival.front(), survival.back(), expected_open_blocks(survival), survival.size(), 100.0 * expected_macs(net));
}

void print_json(const Net& net, const InfoOptions& options, const NetCost& total) {
  nlohmann::ordered_json json;
  const NetDescription& d = net.description;
  json["name"] = d.name;
  json["input"] = {d.channels, d.height, d.width};
  json["classes"] = d.classes;
  json["exits"] = net.exits();
  json["parameters"] = total.parameters;
  json["macs"] = total.macs;
  json["layers"] = nlohmann::ordered_json::array();
  for (const LayerCost& row : total.layers) {
    json["layers"].push_back({{"name", row.name},
                              {"type", row.type},
                              {"output", sizes_of(row.output)},
                              {"parameters", row.parameters},
                              {"macs", row.macs}});
  }
  add_structure(net, options, json);
  std::cout << json_text(json) << "\n";
}

void print_table(const Net& net, const InfoOptions& options, const NetCost& total) {
  const NetDescription& d = net.description;
  std::cout << fmt::format("{}: input {}x{}x{} (channels x height x width), {} classes\n\n", d.name, d.channels, d.height, d.width, d.classes);
  std::size_t widest = 4;
  for (const LayerCost& row : total.layers) widest = std::max(widest, row.name.size());
  std::cout << fmt::format("{:<{}}  {:<20}  {:>12}  {:>12}  {:>14}\n", "name", widest, "type", "output", "parameters", "MACs");
  for (const LayerCost& row : total.layers) {
    std::cout << fmt::format("{:<{}}  {:<20}  {:>12}  {:>12}  {:>14}\n", row.name, widest, row.type, text_of(sizes_of(row.output)),
                             with_commas(row.parameters), with_commas(row.macs));
  }
  std::cout << fmt::format("\nparameters  {} trainable scalars ({:.2f} MiB in f32)\n", with_commas(total.parameters),
                           static_cast<double>(total.parameters) * 4.0 / (1 << 20));
  std::cout << fmt::format("MACs        {} multiply-accumulates of convolutions and linear layers for one image\n", with_commas(total.macs));
  print_structure(net, options);
}

int run_info(const InfoOptions& options) {
  PLIANT_REQUIRE(UsageError, options.structure.masks.empty(), "--mask changes no shape and no count; leave it out");
  PLIANT_REQUIRE(UsageError, options.beside.empty() || options.depth, "--beside adds nets to the table of --depth");
  Net net;
  if (names_net(options.net)) {
    net = build_net(describe(options.net, options.structure));
  } else {
    PLIANT_REQUIRE(UsageError, !options.structure.given(), "a checkpoint has its structure; structure flags go with a net's name");
    net = build_described_net(options.net, read_checkpoint_header(options.net).description);
  }
  const NetCost total = cost(net);
  options.json ? print_json(net, options, total) : print_table(net, options, total);
  return 0;
}

}  // namespace

void add_info(CLI::App& app, Verb& chosen) {
  auto options = std::make_shared<InfoOptions>();
  CLI::App* verb = app.add_subcommand("info", "Show a net's layers: output shapes (CxHxW), parameters, multiply-accumulates");
  verb->add_option("net", options->net, "name of a net, or a checkpoint")->required()->type_name("NET|FILE");
  add_structure_options(*verb, options->structure);
  verb->add_flag("--depth", options->depth, "also convolutions and parameters up to each exit, without the heads of earlier ones");
  verb->add_option("--beside", options->beside, "with --depth: complete nets to show beside it, e.g. densenet121")->delimiter(',')->type_name("NET");
  verb->add_option("--counting", options->counting, "with --depth: trainable parameters, or as Keras counts: running statistics too")
      ->check(CLI::IsMember({"trainable", "keras"}))
      ->capture_default_str();
  add_json_flag(*verb, options->json);
  verb->callback([options, &chosen] { chosen = [options] { return run_info(*options); }; });
}

}  // namespace pliant::cli
