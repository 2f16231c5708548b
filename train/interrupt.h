// Ctrl-C and SIGTERM during a run: the first asks the trainer to save and stop (exit code 130), a second ends at once.
// While a guard lives the process has its handlers; it restores the former ones. A signal that was ignored when the
// guard was made (nohup) stays ignored. Signal handlers are global by nature, so one guard may live at a time.
#pragma once

#include <signal.h>

#include <array>

namespace pliant {

class InterruptGuard {
 public:
  static constexpr int kExitCode = 130;

  InterruptGuard();
  ~InterruptGuard();
  InterruptGuard(const InterruptGuard&) = delete;
  InterruptGuard& operator=(const InterruptGuard&) = delete;

  // True once a signal has come; stays true.
  bool requested() const noexcept;

 private:
  static constexpr std::array<int, 2> kSignals{SIGINT, SIGTERM};
  std::array<struct sigaction, kSignals.size()> former_{};
};

}  // namespace pliant
