#include "train/interrupt.h"

#include <unistd.h>

#include <atomic>

#include "core/check.h"

namespace pliant {
namespace {

// A handler can reach nothing but globals; lock-free atomics are safe in it.
std::atomic<int> signals_seen{0};
std::atomic<bool> guard_alive{false};
static_assert(std::atomic<int>::is_always_lock_free);

extern "C" void on_signal(int) {
  if (signals_seen.fetch_add(1) > 0) ::_exit(InterruptGuard::kExitCode);
}

}  // namespace

InterruptGuard::InterruptGuard() {
  PLIANT_INVARIANT(!guard_alive.exchange(true), "two interrupt guards at a time");
  signals_seen = 0;
  for (std::size_t i = 0; i < kSignals.size(); ++i) {
    struct sigaction action {};
    action.sa_handler = on_signal;
    action.sa_flags = SA_RESTART;  // reads and writes go on; the trainer looks at the flag between steps
    ::sigaction(kSignals[i], nullptr, &former_[i]);
    if (former_[i].sa_handler != SIG_IGN) ::sigaction(kSignals[i], &action, nullptr);
  }
}

InterruptGuard::~InterruptGuard() {
  for (std::size_t i = 0; i < kSignals.size(); ++i) ::sigaction(kSignals[i], &former_[i], nullptr);
  guard_alive = false;
}

bool InterruptGuard::requested() const noexcept { return signals_seen.load() > 0; }

}  // namespace pliant
