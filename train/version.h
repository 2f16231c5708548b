// The version of the program, as CMake knows it: `pliant --version`, and in every checkpoint.
#pragma once

namespace pliant {

const char* program_version();

}  // namespace pliant
