#!/usr/bin/env bash
# Feeds every reader (data sets, images, checkpoints, records, the command line) with mutated input, by libFuzzer under the address and
# undefined-behaviour sanitizers, for SECONDS in all (default 60). Ends with 1 at the first finding; the input lies in build/sanitize/fuzzing.
# With --seed N a run mutates in the same order each time; without it, each run in another.
# usage: scripts/fuzz.sh [--seed N] [SECONDS] [TARGET...]
set -euo pipefail

seed=0  # libFuzzer then takes the time

case ${1:-} in
  -h | --help) sed -n '2,5s/^# //p' "$0"; exit 0 ;;
  --seed)
    [[ ${2:-} =~ ^[1-9][0-9]*$ ]] || { echo "fuzz.sh: --seed is a whole number above 0, got '${2:-}'" >&2; exit 2; }
    seed=$2
    shift 2 ;;
esac
seconds=${1:-60}
[[ $seconds =~ ^[1-9][0-9]*$ ]] || { echo "fuzz.sh: SECONDS is a whole number above 0, got '$seconds'" >&2; exit 2; }
[ $# -eq 0 ] || shift

cd "$(dirname "${BASH_SOURCE[0]}")/.."
scripts/install_dependencies.sh --with-clang
if command -v ccache > /dev/null; then export CMAKE_CXX_COMPILER_LAUNCHER=ccache; fi
cmake --preset sanitize
cmake --build --preset sanitize --target fuzz --parallel "$(nproc)"

fuzzing=$PWD/build/sanitize/fuzzing
mkdir -p "$fuzzing/found"
targets=("$@")
[ ${#targets[@]} -gt 0 ] || mapfile -t targets < <(build/sanitize/fuzz --list)
each=$(((seconds + ${#targets[@]} - 1) / ${#targets[@]}))

# One target: at most 2 GB, at most 10 s for one input, inputs of 8 KB at most. The log is shown where something was found.
fuzz_one() {
  local log=$2/$1.log
  if build/sanitize/fuzz "$1" "$2/$1" -max_total_time="$4" -timeout=10 -rss_limit_mb=2048 -max_len=8192 -seed="$3" -print_final_stats=1 \
      -artifact_prefix="$2/found/$1-" > "$log" 2>&1; then
    echo "$1: $(sed -nE 's/^stat::number_of_executed_units: *//p' "$log") inputs, nothing found"
  else
    tail -n 60 "$log"
    echo "$1: a finding, the input is in $2/found"
    return 1
  fi
}
export -f fuzz_one
printf '%s\n' "${targets[@]}" | xargs -P "$(nproc)" -I TARGET bash -c 'fuzz_one TARGET "$0" "$1" "$2"' "$fuzzing" "$seed" "$each"
