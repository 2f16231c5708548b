#!/usr/bin/env bash
# Fails unless every line of code that a page of docs/methods or docs/extending.md quotes stands in the source file that the page named last.
# usage: quoted_code.sh ROOT
set -euo pipefail
cd "$1"

status=0 quoted=0
for page in docs/methods/*.md docs/extending.md; do
  source='' inside=false
  while IFS= read -r line; do
    if [[ $line == '```'* ]]; then
      if $inside; then inside=false; elif [[ $line == '```cpp' || $line == '```cmake' ]]; then inside=true; fi
    elif $inside; then
      line="${line#"${line%%[![:space:]]*}"}"
      [ -n "$line" ] || continue
      quoted=$((quoted + 1))
      if [ ! -f "$source" ] || ! grep -qF -- "$line" "$source"; then
        echo "$page quotes from ${source:-no file}: $line"
        status=1
      fi
    elif [[ $line =~ \`([a-z_/]+\.(cpp|h|cu)|[a-z_/]+/CMakeLists\.txt)\` ]]; then
      source=${BASH_REMATCH[1]}
    fi
  done < "$page"
done
[ "$quoted" -ge 5 ] || { echo "only $quoted lines of code found: the scan itself is broken"; status=1; }
echo "$quoted quoted lines checked"
exit $status
