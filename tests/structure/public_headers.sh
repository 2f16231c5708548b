#!/usr/bin/env bash
# Fails if a header (.h, .cuh) includes anything but our own headers, the standard libraries of C++ and POSIX, and what is listed: CUDA, and
# the library behind a header that is not installed.
# usage: public_headers.sh ROOT
set -euo pipefail
cd "$1"

# Header of ours, then what it may include beside the standard library.
allowed='^(core/gpu/launch\.h|core/gpu/runtime\.h|core/dtype\.h|kernels/gpu/[a-z0-9_]+\.cuh|kernels/gpu/sm90/[a-z0-9_]+\.cuh) <cuda[a-z0-9_]*\.h>$'
inner='^(kernels/cpu/conv2d_onednn_plan\.h <dnnl\.hpp>|nets/json\.h <nlohmann/json\.hpp>)$'
status=0
scanned=0
while IFS=: read -r file line include; do
  scanned=$((scanned + 1))
  header="<${include#*<}" header="${header%%>*}>"
  [[ $header =~ ^\<[a-z0-9_]+\>$ ]] && continue             # <vector>
  [[ $header =~ ^\<(math|stdint|stddef|signal|unistd)\.h\>$ ]] && continue  # C and POSIX
  [[ "$file $header" =~ $allowed || "$file $header" =~ $inner ]] && continue
  echo "$file:$line: $header does not belong in a header; include it in the .cpp that needs it"
  status=1
done < <(grep -rnE '^[[:space:]]*#[[:space:]]*include[[:space:]]*<' --include=*.h --include=*.cuh core kernels layers nets train tests)
if [ "$scanned" -lt 50 ]; then
  echo "only $scanned includes found: the scan itself is broken"
  status=1
fi
echo "$scanned includes scanned"
exit $status
