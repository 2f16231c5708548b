#!/usr/bin/env bash
# Feeds every reader (data sets, images, checkpoints, records, the command line) with mutated input, by libFuzzer under the address and
# undefined-behaviour sanitizers, for SECONDS in all (default 60). Ends with 1 at the first finding; the input lies in build/sanitize/fuzzing.
# Each run takes other inputs and goes on from those that the last one kept. --brief takes the same inputs each time instead, for about a
# minute: it begins from the seeds alone and leaves out what differs from run to run (addresses, threads, values that the code compares, and
# searching for leaks after single inputs; the tests of the readers look for those).
# usage: scripts/fuzz.sh [--brief | SECONDS] [TARGET...]
set -euo pipefail

seconds=60 brief=no
case ${1:-} in
  -h | --help) sed -n '2,8s/^# //p' "$0"; exit 0 ;;
  --brief) brief=yes; shift ;;
  "") ;;
  *)
    [[ $1 =~ ^[1-9][0-9]*$ ]] || { echo "fuzz.sh: SECONDS is a whole number above 0, got '$1'" >&2; exit 2; }
    seconds=$1
    shift ;;
esac

cd "$(dirname "${BASH_SOURCE[0]}")/.."
scripts/install_dependencies.sh --with-clang
if command -v ccache > /dev/null; then export CMAKE_CXX_COMPILER_LAUNCHER=ccache; fi
cmake --preset sanitize
cmake --build --preset sanitize --target fuzz --parallel "$(nproc)"

fuzzing=$PWD/build/sanitize/fuzzing
[ $brief = no ] || { fuzzing=$fuzzing/brief; rm -rf "$fuzzing"; }
mkdir -p "$fuzzing/found"
mapfile -t all < <(build/sanitize/fuzz --list)
chosen=()
for line in "${all[@]}"; do
  [ $# -eq 0 ] || [[ " $* " = *" ${line% *} "* ]] || continue
  chosen+=("$line")
done
[ $# -eq 0 ] || [ ${#chosen[@]} -eq $# ] || { printf 'fuzz.sh: a target of %s is none of these:\n' "$*" >&2; printf '  %s\n' "${all[@]% *}" >&2; exit 2; }
each=$(((seconds + ${#chosen[@]} - 1) / ${#chosen[@]}))

# Some containers forbid fixed addresses; a brief run then differs a little from run to run.
fixed="env OMP_NUM_THREADS=1"
if setarch --addr-no-randomize true 2> /dev/null; then fixed+=" setarch --addr-no-randomize"; fi

# fuzz_one TARGET INPUTS: at most 2 GB, at most 10 s for one input, inputs of 8 KB at most. The log is shown where something was found.
fuzz_one() {
  local log=$fuzzing/$1.log run=() length=(-max_total_time="$each")
  if [ $brief = yes ]; then
    read -ra run <<< "$fixed"
    length=(-runs="$2" -seed=1 -use_cmp=0 -detect_leaks=0)
  fi
  if "${run[@]}" build/sanitize/fuzz "$1" "$fuzzing/$1" "${length[@]}" -timeout=10 -rss_limit_mb=2048 -max_len=8192 -print_final_stats=1 \
      -artifact_prefix="$fuzzing/found/$1-" > "$log" 2>&1; then
    echo "$1: $(sed -nE 's/^stat::number_of_executed_units: *//p' "$log") inputs, nothing found"
  else
    tail -n 60 "$log"
    echo "$1: a finding, the input is in $fuzzing/found"
    return 1
  fi
}
export -f fuzz_one
export fuzzing brief each fixed
printf '%s\n' "${chosen[@]}" | xargs -P "$(nproc)" -L 1 bash -c 'fuzz_one "$@"' fuzz_one
