#!/usr/bin/env bash
# Installs what is missing, builds everything without CUDA and runs every test; CTest's summary ends the output.
# Options: --werror (warnings are errors), --preset release|debug|sanitize, --without LABEL, --junit FILE (results as XML), --jobs N.
set -euo pipefail

usage() { echo "usage: scripts/test.sh [--werror] [--preset release|debug|sanitize] [--without LABEL] [--junit FILE] [--jobs N]"; }

preset=release
jobs=$(nproc)
configure=()
test_flags=()
while [ $# -gt 0 ]; do
  case $1 in
    --werror) configure+=(-DPLIANT_WERROR=ON); shift ;;
    --preset | --without | --junit | --jobs)
      [ $# -ge 2 ] || { echo "test.sh: $1 needs a value" >&2; exit 2; }
      case $1 in
        --preset) preset=$2 ;;
        --without) test_flags+=(--label-exclude "^$2\$") ;;
        --junit) test_flags+=(--output-junit "$(realpath -m "$2")") ;;
        --jobs) jobs=$2 ;;
      esac
      shift 2 ;;
    -h | --help) usage; exit 0 ;;
    *) echo "test.sh: unknown option $1" >&2; usage >&2; exit 2 ;;
  esac
done

cd "$(dirname "${BASH_SOURCE[0]}")/.."
if [ "$preset" = sanitize ]; then
  scripts/install_dependencies.sh --with-clang
  export LSAN_OPTIONS=suppressions=$PWD/tests/leaks.supp
  export ASAN_OPTIONS=detect_stack_use_after_return=0  # it takes a kernel's exception for the end of the stacks of the emulator's fibers
else
  scripts/install_dependencies.sh
fi

if command -v ccache > /dev/null; then export CMAKE_CXX_COMPILER_LAUNCHER=ccache; fi
cmake --preset "$preset" "${configure[@]}"
cmake --build --preset "$preset" --parallel "$jobs"

# Several tests run at a time, each with threads of its own: waiting threads must not spin.
export OMP_WAIT_POLICY=passive
ctest --test-dir "build/$preset" --parallel "$jobs" --output-on-failure "${test_flags[@]}"
