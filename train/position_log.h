// positions.csv and positions.svg of a run that prunes by magnitude: after each pruning, what share of the weights is left at every
// position of the kernels, stage by stage (train/pruning/pattern.h). Whoever prunes says when. The file is rewritten atomically, and
// before a checkpoint; after a resume it is what an uninterrupted run would have written.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "train/pruning/pattern.h"

namespace pliant {

class PositionLog {
 public:
  // Whether the net has kernels with more than one position.
  static bool has_positions(const Net& net);

  // Starts the file with nothing but the header, or continues it with its prunings up to last_step (0: none); a missing file is created.
  // The net outlives this. FileError for a malformed file or one of other kernels, Error if it cannot be written.
  PositionLog(const Net& net, std::string path, std::int64_t last_step);

  // What is left after so many steps of the run, which must increase. The file has it after the next write().
  void append(std::int64_t steps);
  // Error if the file cannot be written.
  void write();

  // The 3x3 kernels as a picture with a line per pruning, of more than 20 prunings as many, evenly chosen, with the first and the last.
  // Nothing where there is no pruning or no such kernel. Error if it cannot be written.
  void draw(const std::string& path) const;

 private:
  void read(std::int64_t last_step);

  const Net& net_;
  std::string path_;
  std::int64_t last_ = -1;  // steps at the last pruning
  bool written_ = false;
  std::vector<std::pair<std::string, std::vector<KernelPattern>>> lines_;
};

}  // namespace pliant
