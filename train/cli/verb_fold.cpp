#include <CLI/CLI.hpp>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>

#include "nets/fold.h"
#include "nets/json.h"
#include "train/cli/common.h"
#include "train/cli/verbs.h"

namespace pliant::cli {

namespace {

struct FoldFlags {
  std::string file, output;
  bool json = false;
};

int run_fold(const FoldFlags& flags) {
  Context context(Device::cpu);
  const LoadedNet loaded = load_checkpoint(context, flags.file);
  const Net folded = fold_batch_norms(loaded.net);
  save_checkpoint(flags.output, folded, loaded.info);
  const std::size_t norms = loaded.net.conv_norms.size();
  if (flags.json) {
    std::cout << json_text(nlohmann::ordered_json{{"checkpoint", flags.output}, {"folded", norms}, {"parameters", folded.store->trainable_count()}})
              << "\n";
    return 0;
  }
  std::cout << flags.output << ": " << norms << " batch norms folded into the convolutions before them, "
            << with_commas(folded.store->trainable_count()) << " parameters\n";
  return 0;
}

}  // namespace

void add_fold(CLI::App& app, Verb& chosen) {
  auto flags = std::make_shared<FoldFlags>();
  CLI::App* verb = app.add_subcommand("fold", "Write a net for inference: batch norm and ReLU become part of the convolutions");
  verb->add_option("file", flags->file, "checkpoint")->required()->type_name("FILE");
  verb->add_option("--output", flags->output, "checkpoint to write")->required()->type_name("OUT");
  add_json_flag(*verb, flags->json);
  verb->callback([flags, &chosen] { chosen = [flags] { return run_fold(*flags); }; });
}

}  // namespace pliant::cli
