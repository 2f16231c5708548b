// What a person sees while a run trains: a bar that is redrawn in place on a terminal, plain lines elsewhere.
// It goes to stderr; results never pass through here. Reading the loss from a device costs time, so a caller asks due()
// first and reads only then.
#pragma once

#include <cstdint>
#include <functional>
#include <iosfwd>
#include <string>

#include "train/metrics.h"

namespace pliant {

struct ProgressOutput {
  std::ostream* out = nullptr;   // null: silent
  bool terminal = false;         // can redraw a line
  bool colour = false;
  int width = 80;                // columns of the terminal
  std::function<double()> now;   // seconds of a steady clock
};

// stderr as it is: a terminal unless TERM is "dumb"; in colour unless NO_COLOR is set and not empty (no-color.org).
ProgressOutput standard_error_output();

class Progress {
 public:
  static constexpr double kRedrawSeconds = 0.1;  // on a terminal
  static constexpr double kLineSeconds = 30;     // elsewhere, within an epoch

  // first_step: steps that a resumed run has behind it. Epochs are shown as they come in MetricsRow.
  Progress(ProgressOutput output, std::int64_t epochs, std::int64_t steps_per_epoch, std::int64_t first_step);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  // Counts a step of so many images.
  void step(std::int64_t images);
  // True if it is time to show something.
  bool due() const;
  // Shows the bar, or a line; accuracy in 0..1.
  void show(double loss, double accuracy);
  // One line that stays, and the start of the next epoch.
  void end_epoch(const MetricsRow& row);
  // A line that stays, for a person: a new best epoch, a warning.
  void message(const std::string& text);

 private:
  std::string status(double loss, double accuracy, double now) const;
  void line(const std::string& text);

  ProgressOutput output_;
  std::int64_t epochs_, steps_per_epoch_, first_step_;
  std::int64_t steps_;           // done since the beginning of the run
  std::int64_t epoch_images_ = 0;
  double start_, epoch_start_, last_shown_;
  bool bar_visible_ = false;
};

// "1:02:03", "02:03"; "--:--" for what is not known.
std::string duration_text(double seconds);

}  // namespace pliant
