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

status=0
scanned=0
while IFS= read -r file; do
  scanned=$((scanned + 1))
  lines=$(wc -l < "$file")
  if [ "$lines" -gt 400 ]; then
    echo "$file: $lines lines; split it (400 at most, about 300 is meant)"
    status=1
  fi
  if awk -v file="$file" 'length($0) > 160 { print file ":" FNR ": " length($0) " characters"; wide = 1 } END { exit !wide }' "$file"; then
    status=1
  fi
done < <(source_files)
if [ "$scanned" -lt 100 ]; then
  echo "only $scanned files found: the scan itself is broken"
  status=1
fi
echo "$scanned files scanned"
exit $status
