#!/usr/bin/env bash
# Fails for every source file of more than 400 lines, or with a line of more than 160 characters.
# usage: file_length.sh ROOT
set -euo pipefail
cd "$1"

# benchmarks and examples need not exist.
source_files() {
  find core kernels layers nets train tests benchmarks examples cmake scripts .ci -type f \
    -regextype posix-extended -regex '.*\.(h|cuh|cpp|cu|cmake|sh|py)|.*/run' 2> /dev/null | sort
}

mapfile -t files < <(source_files)
if [ ${#files[@]} -lt 100 ]; then
  echo "only ${#files[@]} files found: the scan itself is broken"
  exit 1
fi
echo "${#files[@]} files scanned"
awk 'FNR == 401 { print FILENAME ": more than 400 lines; split it (about 300 is meant)"; bad = 1 }
     length($0) > 160 { print FILENAME ":" FNR ": " length($0) " characters"; bad = 1 }
     END { exit bad }' "${files[@]}"
