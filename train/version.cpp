#include "train/version.h"

namespace pliant {

const char* program_version() { return PLIANT_VERSION; }

}  // namespace pliant
