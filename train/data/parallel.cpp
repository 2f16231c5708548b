#include "train/data/parallel.h"

#include <omp.h>

namespace pliant {

int thread_count(int threads) { return threads > 0 ? threads : omp_get_max_threads(); }

}  // namespace pliant
