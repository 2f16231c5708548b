// The command line: arguments of every verb, which are parsed and not run; those of `train`, turned into a configuration and a net; and
// single values, with the files that some of them name.
#include <CLI/CLI.hpp>
#include <sstream>

#include "core/check.h"
#include "core/context.h"
#include "nets/exits.h"
#include "tests/fuzz/target.h"
#include "train/cli/architecture.h"
#include "train/cli/common.h"
#include "train/cli/prune_plan.h"
#include "train/cli/structure.h"
#include "train/cli/train_flags.h"
#include "train/cli/verbs.h"
#include "train/data/bytes.h"
#include "train/precision.h"
#include "train/pruning/scores.h"
#include "train/schedule.h"

namespace pliant::fuzz {

namespace {

// One argument a line; CLI11 takes them last first.
std::vector<std::string> arguments_of(const Bytes& bytes) {
  std::vector<std::string> arguments;
  std::istringstream lines(text_of(bytes));
  for (std::string line; std::getline(lines, line);) {
    if (line.find('/') == std::string::npos) arguments.insert(arguments.begin(), line);  // no file outside this test
  }
  return arguments;
}

// What the program makes of arguments that CLI11 refuses is a UsageError too.
void parse(CLI::App& app, const Bytes& bytes) {
  try {
    app.parse(arguments_of(bytes));
  } catch (const CLI::ParseError& error) {
    throw UsageError(error.what());
  }
}

void parse_any_verb(const Bytes& bytes) {
  struct Program {
    CLI::App app{"", "pliant"};
    cli::Verb chosen;
    Program() {
      app.require_subcommand(1);
      for (const auto add : {cli::add_train, cli::add_compare, cli::add_eval, cli::add_exits, cli::add_info, cli::add_init, cli::add_import,
                             cli::add_forward, cli::add_step, cli::add_calibrate, cli::add_latency, cli::add_cost, cli::add_graph,
                             cli::add_sensitivity, cli::add_prune, cli::add_extract, cli::add_predict, cli::add_data, cli::add_plot,
                             cli::add_doctor}) {
        add(app, chosen);
      }
    }
  };
  static Program program;
  parse(program.app, bytes);
}

// As `pliant train` does, up to the net and the rates of its steps.
void plan_training(const Bytes& bytes) {
  CLI::App app;
  std::string net = "lenet5";
  cli::TrainFlags flags;
  cli::StructureOptions structure;
  app.add_option("net", net);
  cli::add_train_flags(app, flags);
  cli::add_structure_options(app, structure);
  parse(app, bytes);
  const NetDescription description = cli::describe(net, structure);
  const Net built = build_net(description);
  TrainConfig config = recipe(net);
  flags.apply(config);
  const TrainingLength length{.steps_per_epoch = 7, .epochs = config.epochs};
  for (const std::int64_t step : {std::int64_t{0}, std::int64_t{6}, 7 * config.epochs - 1}) scheduled_rate(config.schedule, config.rate, step, length);
  exit_weights(config.dynamic, built.exits(), 0);
  pruning_events(config.sparsity, {.steps_per_epoch = 7, .epochs = std::min<std::int64_t>(config.epochs, 100)});
  PLIANT_INVARIANT(differing_fields(config, config_from_json(to_json(config))).empty(), "a configuration survives its record");
}

Context& context() {
  static Context cpu(Device::cpu, ContextOptions{.threads = 1});
  return cpu;
}

void apply_mask_text(const std::string& text) {
  Net net = build_net(default_description("lenet5"));
  net.store->allocate(context(), DType::f32);
  cli::StructureOptions options;
  options.masks = {text};
  cli::apply_masks(options, net);
}

}  // namespace

void read_command_line(const Bytes& bytes) {
  const Chosen input = choose(bytes, 2);
  input.which == 0 ? parse_any_verb(input.rest) : plan_training(input.rest);
}

std::vector<Bytes> command_line_seeds() {
  return {chosen(0, "train\nresnet20\n--data\nsynthetic\n--out\nx\n--epochs\n3\n--seed\n7\n--json"),
          chosen(0, "prune\na.safetensors\n--method\nl1\n--ratios\nfeatures.0=0.5\nconv1=0.25\n--output\nb.safetensors"),
          chosen(0, "latency\na.safetensors\n--width\n0.5\n--exit\n1\n--batch\n1,8\n--threads\n2"),
          chosen(0, "compare\nslimmable\nresnet20\n--out\nx\n--data\nsynthetic\n--seeds\n2"),
          chosen(1, "resnet20\n--data\nsynthetic\n--schedule\nmulti-step:milestones=80,120,gamma=0.1,warmup=5\n--augment\ncrop:4,flip,cutout:8\n--lr\n0.1"),
          chosen(1, "resnet20\n--data\nsynthetic\n--widths\n0.5,0.25\n--width-training\nsandwich\n--exits\n2,5\n--exit-weights\n1,0.5,0.3\n--input\n3x32x32"),
          chosen(1, "resnet20\n--data\nsynthetic\n"
                    "--stochastic-depth\n0.5\n--gates\nsample\n--sparsity\n0.9\n--sparsity-schedule\ngradual\n--sparsity-every\n10"),
          chosen(1, "resnet20\n--data\nsynthetic\n--exits\nelastic5\n--optimizer\nadam\n--beta1\n0.9\n--freeze\nlayer1\n--epochs\n9\n--batch\n64"),
          chosen(1, "resnet20\n--data\nsynthetic\n--freeze\nlayer1\xbe\n--init\ncaf\xe9.safetensors")};
}

void read_value(const Bytes& bytes) {
  const Chosen input = choose(bytes, 13);
  const std::string text = text_of(input.rest);
  const std::string path = scratch().write("value", std::span(input.rest)).string();
  NetDescription d = default_description("resnet20");
  switch (input.which) {
    case 0: {
      const Schedule schedule = parse_schedule(text);
      PLIANT_INVARIANT(parse_schedule(schedule_text(schedule)) == schedule, schedule_text(schedule));
      scheduled_rate(schedule, 0.1, 12, {.steps_per_epoch = 7, .epochs = 9});
      break;
    }
    case 1: {
      const Augmentation augmentation = parse_augmentation(text);
      PLIANT_INVARIANT(augmentation_text(parse_augmentation(augmentation_text(augmentation))) == augmentation_text(augmentation), text);
      break;
    }
    case 2: cli::listed_ratios({text}); break;
    case 3: exit_stages(d, text); break;
    case 4: apply_mask_text(text); break;
    case 5: cli::apply_architecture(path, d), build_net(d); break;
    case 6: cli::planned_ratios(path, d); break;
    case 7: exit_weights({.exit_weights = text}, 3, 0); break;
    case 8: pruning_events({.fraction = 0.5, .schedule = "gradual", .every = text}, {.steps_per_epoch = 10, .epochs = 20}); break;
    case 9: parse_score(text); break;
    case 10: parse_precision(text); break;
    case 11: parse_optimizer(text); break;
    default: cli::non_negative(text) + cli::above_zero(text) + cli::seed_value(text) + cli::svg_path(text); break;
  }
}

std::vector<Bytes> value_seeds() {
  return {chosen(0, "multi-step:milestones=80,120,gamma=0.1"), chosen(0, "cosine:minimum=0.001,warmup=5,warmup_start=0.1"),
          chosen(0, "one-cycle:pct_start=0.2,div_factor=10,anneal=linear"), chosen(0, "plateau:patience=3,watch=accuracy"),
          chosen(0, "multi-step:milestones=50%,75%"), chosen(1, "crop:4,flip,cutout:8"), chosen(2, "layer1.0.conv1=0.5"), chosen(3, "0,3,6"),
          chosen(3, "elastic5"), chosen(4, "conv1=0-3,5"), chosen(5, R"({"kept":{"layer1.0.conv1":4,"layer2.0.conv1":[0,3]},"removed_blocks":[1]})"),
          chosen(5, to_json(default_description("resnet20"))), chosen(6, R"({"layer1.0.conv1":0.5})"), chosen(7, "1,0.5,0.3"), chosen(8, "2e"),
          chosen(8, "7"), chosen(9, "l1"), chosen(10, "bf16"), chosen(11, "adam"), chosen(12, "1e-3")};
}

}  // namespace pliant::fuzz
