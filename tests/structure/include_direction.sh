#!/usr/bin/env bash
# Fails if a folder includes a header from a folder to its right: core <- kernels <- layers <- nets <- train.
# usage: include_direction.sh ROOT
set -euo pipefail
cd "$1"

status=0
scanned=0
allowed=""
for folder in core kernels layers nets train; do
  allowed="$allowed${allowed:+|}$folder"
  while IFS=: read -r file line include; do
    scanned=$((scanned + 1))
    [[ $include =~ \"($allowed)/ ]] && continue
    echo "$file:$line: $include; $folder/ may include only \"(${allowed})/...\""
    status=1
  done < <(grep -rnE '^[[:space:]]*#[[:space:]]*include[[:space:]]*"' --include=*.h --include=*.cuh --include=*.cpp --include=*.cu "$folder")
done
if [ "$scanned" -lt 100 ]; then
  echo "only $scanned includes found: the scan itself is broken"
  status=1
fi
echo "$scanned includes scanned"
exit $status
