#!/usr/bin/env bash
# Shows that the other scripts here can fail: plants one violation at a time in a copy of the sources and expects to be told of it.
# usage: violations.sh ROOT
set -euo pipefail
root=$1
copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
cd "$root"
tar -c --exclude=__pycache__ README.md core kernels layers nets train tests benchmarks examples cmake scripts docs .ci | tar -x -C "$copy"
checks=$root/tests/structure
status=0

# expect SCRIPT FILE LINE WORDS: with LINE appended to FILE of the copy, SCRIPT fails and says WORDS.
expect() {
  local output
  cp "$copy/$2" "$copy/original"
  echo "$3" >> "$copy/$2"
  if output=$("$checks/$1" "$copy") || ! grep -qF -- "$4" <<< "$output"; then
    echo "$1 accepts this in $2: $3"
    status=1
  fi
  mv "$copy/original" "$copy/$2"
}

expect include_direction.sh core/tensor.cpp '#include "kernels/elementwise.h"' core/tensor.cpp
expect include_direction.sh layers/conv2d.cpp '  #  include "train/config.h"' layers/conv2d.cpp
expect include_direction.sh nets/net.cpp '#include "net.h"' nets/net.cpp
expect public_headers.sh nets/net.h '#include <nlohmann/json.hpp>' nets/net.h
expect public_headers.sh core/tensor.h '#include <cuda_runtime.h>' core/tensor.h
expect kernel_names.sh kernels/gpu/elementwise.cu '__global__ void doubled(float* x);' doubled
expect kernel_names.sh kernels/gpu/elementwise.cu '  add_kernel<<<1, 1>>>(x);' elementwise.cu
expect kernel_names.sh kernels/gpu/elementwise.cu '__global__ __noinline__ void odd_kernel(float* x);' 'times __global__'
expect kernel_names.sh benchmarks/ladder/reduction.cu '__global__ void summed(float* x);' summed
expect file_length.sh core/tensor.h "$(seq 1 400)" core/tensor.h
expect file_length.sh core/tensor.h "// $(printf '%0200d' 0)" core/tensor.h
expect readme_commands.sh README.md 'See [nothing](docs/nothing.md).' docs/nothing.md
expect readme_commands.sh README.md 'See `core/nothing.h`.' core/nothing.h
expect readme_commands.sh .ci/run 'scripts/other.sh' scripts/other.sh
expect quoted_code.sh docs/methods/magnitude.md "$(printf '```cpp\nint nothing = 0;\n```')" 'int nothing'
expect quoted_code.sh docs/extending.md "$(printf '```cmake\nfind_package(nothing)\n```')" 'find_package(nothing)'
exit $status
