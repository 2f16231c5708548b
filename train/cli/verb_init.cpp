#include <CLI/CLI.hpp>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>

#include "nets/json.h"
#include "train/cli/common.h"
#include "train/cli/structure.h"
#include "train/cli/verbs.h"

namespace pliant::cli {

namespace {

struct InitOptions {
  std::string net, output, precision = "f32";
  StructureOptions structure;
  InitialOptions initial;
  double scale_init = 1.0;
  bool json = false;
};

int run_init(const InitOptions& options) {
  Context context(Device::cpu);
  Net net = build_net(describe(options.net, options.structure));
  net.store->allocate(context, dtype_from(options.precision));
  initialise(net, options.initial.seed, initial_rule(options.initial.rule), options.scale_init);
  apply_masks(options.structure, net);
  save_checkpoint(options.output, net, {});
  const std::int64_t parameters = net.store->trainable_count();
  if (options.json) {
    const nlohmann::ordered_json json = {{"checkpoint", options.output}, {"name", options.net}, {"parameters", parameters}};
    std::cout << json_text(json) << "\n";
  } else {
    std::cout << options.output << ": " << options.net << " with " << with_commas(parameters) << " fresh parameters\n";
  }
  return 0;
}

}  // namespace

void add_init(CLI::App& app, Verb& chosen) {
  auto options = std::make_shared<InitOptions>();
  CLI::App* verb = app.add_subcommand("init", "Write a checkpoint of a net with fresh weights");
  verb->add_option("net", options->net, "name of a net")->required()->type_name("NET");
  verb->add_option("--output", options->output, "checkpoint to write")->required()->type_name("FILE");
  add_structure_options(*verb, options->structure);
  add_initial_options(*verb, options->initial);
  verb->add_option("--scale-init", options->scale_init, "where the scales of batch norm start")->check(above_zero)->capture_default_str();
  add_precision_option(*verb, options->precision);
  add_json_flag(*verb, options->json);
  verb->callback([options, &chosen] { chosen = [options] { return run_init(*options); }; });
}

}  // namespace pliant::cli
