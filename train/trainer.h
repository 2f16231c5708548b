// The training loop: nothing but calls to the parts. It saves last.safetensors before the first step, after every epoch and on
// interrupt, best.safetensors after an epoch that is the best on the validation split, and one row of metrics.csv per epoch.
#pragma once

#include <functional>
#include <optional>

#include "train/config.h"
#include "train/data/batches.h"
#include "train/device_data.h"
#include "train/early_stop.h"
#include "train/epoch_table.h"
#include "train/evaluate.h"
#include "train/metrics.h"
#include "train/position_log.h"
#include "train/progress.h"
#include "train/run_folder.h"
#include "train/sparsity.h"
#include "train/step_feed.h"
#include "train/step_graphs.h"
#include "train/train_step.h"

namespace pliant {

// One way to run a net: a row of its width table and an exit.
struct RowFigures {
  double width = 1.0;  // ratio
  int exit = 0;
  Figures figures;
};

struct TrainResult {
  bool interrupted = false;
  std::int64_t best_epoch = 0;                   // counts from 1, as in metrics.csv; the last one where there is no validation split
  std::optional<double> validation_accuracy;     // of the best epoch: of the last exit, the mean over the widths
  std::optional<double> test_accuracy;           // of the best epoch's weights, measured once at the end: full width, last exit
  std::optional<double> test_top5;               // the same of labels among the five largest; of nets with more than five classes
  std::vector<RowFigures> test_rows;             // the same for every width and exit
  std::string checkpoint;                        // best.safetensors, or last.safetensors after an interrupt
};

class Trainer {
 public:
  // The net is initialised, or holds the weights to continue from. Throws ConfigError where the values do not fit together, for
  // example a weight per exit that is missing, or a frozen name that no parameter begins with. Whether steps are replayed as graphs
  // changes how fast they are and not what they compute, so it is no part of the configuration. policy: a program's own; null for that of
  // config.dynamic.
  Trainer(Net& net, const Splits& splits, const TrainConfig& config, const RunFolder& folder,
          StepGraphMode graphs = StepGraphMode::automatic, std::unique_ptr<const SelectionPolicy> policy = nullptr);

  // Continues exactly where the state in a checkpoint left off; the net already holds the checkpoint's weights and buffers, arenas
  // is the optimizer's state. Throws FileError for a state that is not one or that another policy made, or for an arena that is missing.
  void restore(const std::string& state, const std::vector<OptimizerArena>& arenas);

  // Trains to the last epoch, or until early stopping or interrupted() ends it. Throws Error on a loss that is not finite; the last
  // good checkpoint stays.
  TrainResult run(ProgressOutput output, const std::function<bool()>& interrupted);

  const StepGraphs& graphs() const { return graphs_; }

 private:
  struct State {                   // what a resumed run needs besides tensors
    std::int64_t epoch = 0;        // epochs that are done
    std::int64_t batch = 0;        // batches of the next epoch that are done
    double loss_sum = 0.0;         // over these batches
    std::int64_t correct = 0, top5 = 0, samples = 0;
    EarlyStop best;
  };

  void sparsify();                 // what is due now, with its line of positions.csv
  void train_epoch(Progress& progress, const std::function<bool()>& interrupted);
  void feed_epoch(const EpochOrder& order);
  void train_batch(std::int64_t size, BatchStream* stream);
  void measure_open_step();
  void end_epoch(Progress& progress, double seconds, double rate);
  // Every (width, exit); the full width alone where one batch-norm set serves random widths.
  std::vector<RowFigures> evaluate_rows(const Net& net, const DeviceData& data) const;
  void append_step_figures(std::int64_t epoch, double seconds);
  void open_tables(std::int64_t last_epoch);
  void write_depth(double seconds_per_step);
  void pull_sums();                // device sums into state_; throws Error where the loss is not finite
  void push_sums();
  void save(const std::string& path);
  std::string state_text() const;
  bool finished() const;           // the last epoch is done, or early stopping ended the run
  std::int64_t step() const { return state_.epoch * length_.steps_per_epoch + state_.batch; }

  Net& net_;
  TrainConfig config_;
  const RunFolder& folder_;
  const Splits& splits_;
  DeviceData train_, validation_, test_;
  TrainStep step_;
  TrainingLength length_;
  LearningRate rate_;
  StepFeed feed_;
  StepGraphs graphs_;
  std::optional<Sparsity> sparsity_;     // there once the constructor is through
  State state_;
  std::int64_t epoch_samples_here_ = 0;  // of the current epoch, trained by this process
  Tensor loss_sum_, hits_;               // on the device
  Tensor streamed_;                      // where the images of a batch lie that are streamed
  std::optional<MetricsFile> metrics_;
  std::optional<EpochTable> rows_, gradients_, depth_;  // where there is something to write
  std::optional<PositionLog> positions_;
  double open_step_seconds_ = 0.0;
  double aside_seconds_ = 0.0;           // of the current epoch, spent on something else than training
};

}  // namespace pliant
