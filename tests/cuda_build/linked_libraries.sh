#!/usr/bin/env bash
# Fails unless the program names cuDNN and cuBLASLt among its shared libraries, does not name the driver, and starts.
# usage: linked_libraries.sh PROGRAM
set -euo pipefail

needed=$(readelf -d "$1" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p')
status=0
for library in libcudnn.so libcublasLt.so; do
  grep -q "^${library//./\\.}" <<< "$needed" || { echo "$1 does not link $library"; status=1; }
done
if grep -q '^libcuda\.so' <<< "$needed"; then
  echo "$1 links the driver, so that it cannot start where there is none"
  status=1
fi
"$1" --help > /dev/null || { echo "$1 --help failed"; status=1; }
echo "$needed"
exit $status
