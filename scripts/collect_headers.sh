#!/usr/bin/env bash
# Copies the headers that Pliant needs from this Debian machine into a folder, for a machine without packages (PLIANT_DEPS_DIR).
# Options: DIR (the folder, made anew), --with-onednn (its headers and library too: fast convolutions on that machine's CPU),
# --with-benchmark (Google Benchmark, for the benchmarks).
set -euo pipefail

usage() { echo "usage: scripts/collect_headers.sh DIR [--with-onednn] [--with-benchmark]"; }

target=""
with_onednn=false
with_benchmark=false
for argument in "$@"; do
  case $argument in
    --with-onednn) with_onednn=true ;;
    --with-benchmark) with_benchmark=true ;;
    -h | --help) usage; exit 0 ;;
    -*) echo "collect_headers.sh: unknown option $argument" >&2; usage >&2; exit 2 ;;
    *) target=$argument ;;
  esac
done
[ -n "$target" ] || { usage >&2; exit 2; }
if [ -e "$target" ] && [ ! -d "$target/include" ] && [ -n "$(ls -A "$target")" ]; then
  echo "collect_headers.sh: $target holds something else; give an empty folder or one that this script made" >&2
  exit 3
fi

rm -rf "${target:?}/include" "${target:?}/lib"
mkdir -p "$target/include"
for folder in nlohmann CLI fmt doctest stb eigen3; do
  if [ ! -d "/usr/include/$folder" ]; then
    echo "collect_headers.sh: /usr/include/$folder is missing; run scripts/install_dependencies.sh first" >&2
    exit 1
  fi
  cp -rL "/usr/include/$folder" "$target/include/"
done

# library NAME PACKAGE: a shared library under the name that programs look for, beside the one that the linker looks for.
library() {
  local file name
  file=$(find /usr/lib /usr/lib64 -name "lib$1.so" 2> /dev/null | head -1)
  [ -n "$file" ] || { echo "collect_headers.sh: lib$1.so is missing; apt-get install $2" >&2; exit 1; }
  name=$(objdump -p "$file" | awk '$1 == "SONAME" { print $2 }')
  mkdir -p "$target/lib"
  cp -L "$file" "$target/lib/$name"
  ln -s "$name" "$target/lib/lib$1.so"
}

if $with_onednn; then
  cp -L /usr/include/dnnl*.h /usr/include/dnnl.hpp "$target/include/"
  if [ -d /usr/include/oneapi ]; then cp -rL /usr/include/oneapi "$target/include/"; fi
  library dnnl libdnnl-dev
fi
if $with_benchmark; then
  cp -rL /usr/include/benchmark "$target/include/"
  library benchmark libbenchmark-dev
fi
du -sh "$target"
