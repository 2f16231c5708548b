#!/usr/bin/env bash
# Fails if the name of a __global__ function does not end in _kernel, or if <<< >>> is used instead of launch().
# usage: kernel_names.sh ROOT
set -euo pipefail
cd "$1"

status=0
mapfile -t files < <(find core kernels layers nets train tests benchmarks examples -name '*.cu' -o -name '*.cuh' | sort)
names=()
for file in "${files[@]}"; do
  while IFS= read -r -d '' declaration; do
    name=${declaration##*[^a-zA-Z0-9_]}
    names+=("$name")
    if [[ $name != *_kernel ]]; then
      echo "$file: __global__ $name: names of kernels end in _kernel"
      status=1
    fi
  done < <(grep -zoP '__global__\s+(?:__launch_bounds__\s*\([^)]*\)\s*)?void\s+(?:__launch_bounds__\s*\([^)]*\)\s*)?\w+' "$file" || true)
  declared=$(grep -vE '^[[:space:]]*//' "$file" | grep -cw '__global__' || true)
  parsed=$(grep -zoP '__global__\s+(?:__launch_bounds__\s*\([^)]*\)\s*)?void' "$file" | tr -cd '\0' | wc -c || true)
  if [ "$declared" -ne "$parsed" ]; then
    echo "$file: $declared times __global__, $parsed of them understood here; write: __global__ void name_kernel("
    status=1
  fi
  if grep -nF '<<<' "$file"; then
    echo "$file: start kernels with launch() or launch_1d()"
    status=1
  fi
done
if [ ${#names[@]} -lt 10 ]; then
  echo "only ${#names[@]} kernels found: the scan itself is broken"
  status=1
fi
echo "${#names[@]} kernels in ${#files[@]} files"
exit $status
