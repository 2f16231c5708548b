#include <CLI/CLI.hpp>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>

#include "nets/extract.h"
#include "nets/json.h"
#include "train/cli/common.h"
#include "train/cli/part.h"
#include "train/cli/verbs.h"

namespace pliant::cli {

namespace {

struct ExtractFlags {
  std::string file, output;
  PartOptions part;
  bool keep_exits = false, json = false;
};

int run_extract(const ExtractFlags& flags) {
  Context context(Device::cpu);
  const LoadedNet loaded = load_checkpoint(context, flags.file);
  const Net& net = loaded.net;
  const Net part = extract(net, {chosen_width(net, flags.part), chosen_exit(net, flags.part), flags.keep_exits});
  save_checkpoint(flags.output, part, loaded.info);
  const NetCost before = cost(net), after = cost(part);
  // A net holds more than a pass at full width uses: private batch norm of the other widths.
  const std::int64_t held = net.store->trainable_count();
  if (flags.json) {
    const nlohmann::ordered_json json = {{"checkpoint", flags.output},
                                         {"source", {{"parameters", held}, {"macs", before.macs}}},
                                         {"extracted", {{"parameters", after.parameters}, {"macs", after.macs}}}};
    std::cout << json_text(json) << "\n";
    return 0;
  }
  std::cout << flags.file << ": " << with_commas(held) << " parameters, " << with_commas(before.macs) << " MACs\n"
            << flags.output << ": " << with_commas(after.parameters) << " parameters, " << with_commas(after.macs) << " MACs\n";
  return 0;
}

}  // namespace

void add_extract(CLI::App& app, Verb& chosen) {
  auto flags = std::make_shared<ExtractFlags>();
  CLI::App* verb = app.add_subcommand("extract", "Write one width and exit of a net as a plain checkpoint of its own");
  verb->add_option("file", flags->file, "checkpoint")->required()->type_name("FILE");
  verb->add_option("--output", flags->output, "checkpoint to write")->required()->type_name("OUT");
  add_part_options(*verb, flags->part, "the full width, the last exit");
  verb->add_flag("--keep-exits", flags->keep_exits, "keep the exits before that one");
  add_json_flag(*verb, flags->json);
  verb->callback([flags, &chosen] { chosen = [flags] { return run_extract(*flags); }; });
}

}  // namespace pliant::cli
