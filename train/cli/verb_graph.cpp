#include <CLI/CLI.hpp>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>

#include "nets/compact.h"
#include "nets/graph.h"
#include "nets/json.h"
#include "train/cli/common.h"
#include "train/cli/structure.h"
#include "train/cli/verbs.h"
#include "train/files/atomic_file.h"
#include "train/report/graph_svg.h"
#include "train/report/table.h"

namespace pliant::cli {

namespace {

struct GraphFlags {
  std::string net, output;
  StructureOptions structure;
  bool json = false;
};

constexpr std::size_t kNamed = 3;

// The first names; how many more there are.
std::string listed(const std::vector<std::string>& names) {
  std::string text;
  for (std::size_t i = 0; i < std::min(names.size(), kNamed); ++i) text += (i == 0 ? "" : " ") + names[i];
  return names.size() > kNamed ? cat(text, " and ", names.size() - kNamed, " more") : text;
}

Table table_of(const std::vector<ChannelGroup>& groups) {
  using Format = Table::Format;
  Table table({{"axis"}, {"kind"}, {"channels", Format::integer}, {"kept", Format::integer}, {"writers"}, {"norms"}, {"depthwise"}, {"readers"},
               {"macs_written", Format::integer}, {"macs_read", Format::integer}});
  for (const ChannelGroup& group : groups) {
    std::vector<std::string> writers, norms, readers;
    for (const ChannelWriter& writer : group.writers) writers.push_back(writer.layer);
    for (const ChannelReader& reader : group.readers) readers.push_back(reader.layer);
    for (const Parameter* scale : group.scales) norms.push_back(scale->name.substr(0, scale->name.rfind('.')));
    table.add_row({group.axis->name(), cat(group.kind(), group.fixed.empty() ? "" : " (fixed)"), group.axis->size(), kept_channels(*group.axis).size(),
                   listed(writers), listed(norms), listed(group.depthwise), listed(readers), group.macs_per_channel_written(), group.macs_per_channel_read()});
  }
  return table;
}

// A file with its masks; a net by name only as far as masks are named.
Net net_of(const GraphFlags& flags, Context& context) {
  if (!names_net(flags.net)) {
    PLIANT_REQUIRE(UsageError, !flags.structure.given(), "a checkpoint has its structure; structure flags go with a net's name");
    return load_checkpoint(context, flags.net).net;
  }
  Net net = build_net(describe(flags.net, flags.structure));
  if (!flags.structure.masks.empty()) {
    net.store->allocate(context, DType::f32);
    apply_masks(flags.structure, net);
  }
  return net;
}

int run_graph(const GraphFlags& flags) {
  Context context(Device::cpu);
  const Net net = net_of(flags, context);
  const std::vector<ChannelGroup> groups = channel_groups(net);
  if (!flags.output.empty()) {
    write_file_atomically(flags.output, graph_svg(net, groups));
    std::cerr << "pliant: " << flags.output << "\n";
  }
  if (flags.json) {
    nlohmann::ordered_json json = {{"net", net.description.name}};
    json["groups"] = nlohmann::ordered_json::parse(graph_json(groups));
    std::cout << json_text(json) << "\n";
    return 0;
  }
  std::cout << table_of(groups).text() << "\nmacs_written, macs_read: multiply-accumulates of one channel in the layers that write and read it\n";
  for (const ChannelGroup& group : groups) {
    if (!group.fixed.empty()) std::cout << group.axis->name() << " is fixed: " << group.fixed << "\n";
  }
  return 0;
}

}  // namespace

void add_graph(CLI::App& app, Verb& chosen) {
  auto flags = std::make_shared<GraphFlags>();
  CLI::App* verb = app.add_subcommand("graph", "Show the groups of coupled channels of a net: which layers must be pruned together");
  verb->add_option("net", flags->net, "name of a net, or a checkpoint")->required()->type_name("NET|FILE");
  add_structure_options(*verb, flags->structure);
  verb->add_option("--output", flags->output, "draw layers and groups")->check(svg_path)->type_name("SVG");
  add_json_flag(*verb, flags->json);
  verb->callback([flags, &chosen] { chosen = [flags] { return run_graph(*flags); }; });
}

}  // namespace pliant::cli
