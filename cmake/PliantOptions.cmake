# Part of another project (add_subdirectory), Pliant builds its libraries alone and leaves every setting of that project as it is.
set(PLIANT_CUDA AUTO CACHE STRING "AUTO uses a CUDA toolkit where there is one, ON requires it, OFF builds for the CPU and the emulator")
set_property(CACHE PLIANT_CUDA PROPERTY STRINGS AUTO ON OFF)
option(PLIANT_PROGRAM "Build the program pliant" ${PROJECT_IS_TOP_LEVEL})
option(PLIANT_TESTS "Build the tests, and the program, which they run" ${PROJECT_IS_TOP_LEVEL})
option(PLIANT_INSTALL "Install headers, libraries, the program and the CMake package" ${PROJECT_IS_TOP_LEVEL})
option(PLIANT_BENCHMARKS "Build the benchmarks (needs Google Benchmark)" OFF)
option(PLIANT_ONEDNN "Convolve on the CPU with oneDNN where it is installed; without it plain loops do" ON)
option(PLIANT_SANITIZE "Address and undefined-behaviour sanitizers; the emulator then runs without its own access checks" OFF)
option(PLIANT_UNITY "Compile several sources at a time: a build of everything takes less time, that of one change more" OFF)
option(PLIANT_WERROR "Treat warnings as errors" OFF)
set(PLIANT_DEPS_DIR "" CACHE PATH "Folder with an include/ of the header-only dependencies, for machines without system packages")
set(PLIANT_ARCH native CACHE STRING "-march of the CPU kernels; x86-64-v3 for a binary that travels")

if(PROJECT_IS_TOP_LEVEL)
  if(NOT CMAKE_BUILD_TYPE)
    set(CMAKE_BUILD_TYPE Release CACHE STRING "" FORCE)
  endif()
  # Only the CPU kernels gain from the vectoriser's full effort (pliant_add_folder adds it there).
  if(CMAKE_CXX_FLAGS_RELEASE STREQUAL "-O3 -DNDEBUG")
    set(CMAKE_CXX_FLAGS_RELEASE "-O2 -DNDEBUG" CACHE STRING "" FORCE)
  endif()
endif()
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR})

# How Pliant's own sources are compiled. What programs that use it need besides belongs to pliant_core (PliantTargets.cmake).
add_library(pliant_flags INTERFACE)
set(pliant_warnings -Wall -Wextra -Wno-missing-field-initializers -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual)
if(CMAKE_CXX_COMPILER_ID MATCHES "Clang")
  list(APPEND pliant_warnings -Wno-pass-failed)  # "omp simd" is a permission here: a loop that stays scalar is no mistake
endif()
if(PLIANT_UNITY)
  list(APPEND pliant_warnings -Wno-shadow)  # of names in other files
endif()
if(PLIANT_WERROR)
  list(APPEND pliant_warnings -Werror)
endif()
target_compile_options(pliant_flags INTERFACE "$<$<COMPILE_LANGUAGE:CXX>:${pliant_warnings}>")
# No -ffast-math and no contraction: the double specification must mean what it says, and NaN must fail.
target_compile_options(pliant_flags INTERFACE "$<$<COMPILE_LANGUAGE:CXX>:-ffp-contract=off>")
set(PLIANT_CLANG_TOOLS FALSE)  # libFuzzer, and the tool that tells the thread sanitizer of OpenMP, come with Clang
if(PLIANT_SANITIZE AND CMAKE_CXX_COMPILER_ID MATCHES "Clang")
  set(PLIANT_CLANG_TOOLS TRUE)
endif()
