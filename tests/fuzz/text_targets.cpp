// Texts that the program writes and reads again: net descriptions, records of runs, tables.
#include "core/check.h"
#include "nets/zoo.h"
#include "tests/fuzz/target.h"
#include "train/compare/experiment.h"
#include "train/config.h"
#include "train/data/bytes.h"
#include "train/epoch_table.h"
#include "train/latency.h"
#include "train/metrics.h"

namespace pliant::fuzz {

void read_description(const Bytes& bytes) {
  const NetDescription d = description_from_json(text_of(bytes));
  PLIANT_INVARIANT(description_from_json(to_json(d)) == d, "a description survives a round trip");
  build_net(d);
}

std::vector<Bytes> description_seeds() {
  std::vector<NetDescription> all;
  for (const char* name : {"lenet5", "resnet20", "densenet40", "mobilenet-v1", "vgg16", "preresnet56", "b-lenet"}) {
    all.push_back(default_description(name));
  }
  NetDescription dynamic = default_description("resnet20");
  dynamic.exits = {1, 3};
  dynamic.exit_dropout = 0.5;
  dynamic.survival = std::vector<double>(9, 0.5);
  dynamic.kept = {{"layer1.0.conv1", {0, 2, 5}}};
  dynamic.removed_blocks = {2};
  all.push_back(dynamic);
  std::vector<Bytes> seeds;
  for (const NetDescription& d : all) {
    const std::string text = to_json(d);
    seeds.emplace_back(text.begin(), text.end());
  }
  return seeds;
}

void read_record(const Bytes& bytes) {
  const Chosen input = choose(bytes, 7);
  const std::string text = text_of(input.rest);
  const std::string path = (scratch() / "record").string();
  switch (input.which) {
    case 0: {
      const TrainConfig config = config_from_json(text);
      PLIANT_INVARIANT(differing_fields(config, config_from_json(to_json(config))).empty(), "a record survives a round trip");
      break;
    }
    case 1: to_json(latency_table_from_json(text)); break;
    case 2: to_json(run_result_from_json(text, path)); break;
    case 3: LearningRate(Schedule{.kind = ScheduleKind::plateau}, 0.1, {10, 10}).restore_state(text); break;
    case 4: {
      write_data_file(path, input.rest);
      MetricsColumns columns;
      read_metrics(path, columns);
      break;
    }
    case 5: {
      write_data_file(path, input.rest);
      EpochTable(path, {"a", "b"}, 5).append(6, {{1.0, 2.0}});
      break;
    }
    default: first_difference(text, "{\"a\":[1]}"); break;
  }
}

std::vector<Bytes> record_seeds() {
  TrainConfig config = recipe("resnet20");
  config.dynamic.exit_weights = "1,0.5";
  config.sparsity.fraction = 0.5;
  const LatencyTable latency{"resnet20", "cpu", 2, {{1.0, 0, 1, 10, 20, 1.5, 2.5, 1.0, 0.5}}};
  const RunResult result{2, 3, 1.0, 0.5, 100, 0.1, {{1.0, 0, 0.5, 10, 20, 15}}};
  const std::string path = (scratch() / "metrics.csv").string();
  MetricsFile metrics = MetricsFile::create(path, MetricsColumns{.test = true});
  metrics.append({.epoch = 1, .step = 10, .learning_rate = 0.1, .train_loss = 2.5, .train_accuracy = 0.25, .validation_loss = {}, .validation_accuracy = {},
                  .test_loss = 2.0, .test_accuracy = 0.5, .images_per_second = 100, .seconds = 1});
  return {chosen(0, to_json(config)), chosen(0, to_json(TrainConfig{})), chosen(1, to_json(latency)), chosen(2, to_json(result)),
          chosen(3, LearningRate(Schedule{.kind = ScheduleKind::plateau}, 0.1, {10, 10}).state_text()), chosen(4, read_raw_file(path)),
          chosen(5, "epoch,a,b\n1,0.5,2\n2,nan,1e3\n"), chosen(6, R"({"a":[2],"b":{"c":null}})")};
}

}  // namespace pliant::fuzz
