#include "train/interrupt.h"

#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <doctest/doctest.h>

using namespace pliant;

namespace {

// The exit status of a child that runs f with a guard and then ends with 0.
template <class F>
int status_of_child(F&& f) {
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    {
      InterruptGuard guard;
      f(guard);
    }
    ::_exit(0);
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  return status;
}

}  // namespace

TEST_CASE("interrupt: the first signal sets the flag and nothing else") {
  for (const int signal : {SIGINT, SIGTERM}) {
    InterruptGuard guard;
    CHECK_FALSE(guard.requested());
    std::raise(signal);
    CHECK(guard.requested());
  }
  InterruptGuard fresh;
  CHECK_FALSE(fresh.requested());
}

TEST_CASE("interrupt: a second signal ends the process at once with 130") {
  const int status = status_of_child([](InterruptGuard&) {
    std::raise(SIGINT);
    std::raise(SIGINT);
  });
  REQUIRE(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 130);
}

TEST_CASE("interrupt: the former handlers come back") {
  struct sigaction before {}, after {};
  ::sigaction(SIGINT, nullptr, &before);
  { InterruptGuard guard; }
  ::sigaction(SIGINT, nullptr, &after);
  const bool same = before.sa_handler == after.sa_handler;
  CHECK(same);
}

TEST_CASE("interrupt: an ignored signal stays ignored") {
  const auto former = std::signal(SIGINT, SIG_IGN);
  {
    InterruptGuard guard;
    std::raise(SIGINT);
    CHECK_FALSE(guard.requested());
  }
  std::signal(SIGINT, former);
}
