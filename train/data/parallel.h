// A parallel loop over samples whose body may throw: an exception cannot leave an OpenMP region by itself. The
// exception of the lowest index is rethrown, so that what is reported does not depend on the threads.
#pragma once

#include <cstdint>
#include <exception>

namespace pliant {

// threads if positive, else OpenMP's default.
int thread_count(int threads);

// body(i) for i = 0 .. count - 1 in any order. Every body runs, even after one threw.
template <class Body>
void parallel_samples(std::int64_t count, int threads, const Body& body) {
  std::exception_ptr error;
  std::int64_t error_at = count;
#pragma omp parallel for schedule(dynamic, 64) num_threads(thread_count(threads))
  for (std::int64_t i = 0; i < count; ++i) {
    try {
      body(i);
    } catch (...) {
#pragma omp critical(pliant_parallel_samples)
      if (i < error_at) {
        error_at = i;
        error = std::current_exception();
      }
    }
  }
  if (error) std::rethrow_exception(error);
}

}  // namespace pliant
