// Trains an experiment: every run with every seed in OUT/<run>/seed<S>/, all runs of one seed before the next seed. What is finished
// is not repeated, what was interrupted continues exactly. Seeds may be added later. It computes no statistics.
//
//   OUT/experiment.json, env.json                  what is compared; where
//   OUT/<run>/seed<S>/...                          a folder as `train` writes it, and result.json once the run is finished;
//                                                  start.safetensors of a run that is made from another one, or that another is made from
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "train/compare/experiment.h"

namespace pliant {

struct SeedResult {
  std::string run;
  std::uint64_t seed = 0;
  RunResult result;
};

struct ExperimentResults {
  bool interrupted = false;      // then `runs` holds what is finished
  std::vector<SeedResult> runs;
};

struct EngineOptions {
  std::string out;                                     // the folder
  std::vector<std::uint64_t> seeds;
  std::function<Splits(std::uint64_t seed)> data;      // asked once per seed, and only where something is left to train
  std::function<Splits(std::uint64_t seed)> other_data{};  // likewise, of the runs that ask for it; they must not without it
  std::function<bool()> interrupted = [] { return false; };
  ProgressOutput progress{};
  std::function<void(const std::string&)> say = [](const std::string&) {};  // a line for a person
};

// The checkpoints of one run.
FormerRun checkpoints_of(const std::string& out, const std::string& run, std::uint64_t seed);

// Throws ConfigError before anything is trained for an experiment that check() or a net refuses, and for a folder that holds something
// else or another experiment, naming the first field that differs. FileError for a damaged file in the folder.
ExperimentResults run_experiment(Context& context, const Experiment& experiment, const EngineOptions& options);

}  // namespace pliant
