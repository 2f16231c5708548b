#!/usr/bin/env bash
# Copies the headers that Pliant needs from this Debian machine into a folder, for a machine without packages (PLIANT_DEPS_DIR).
# Options: DIR (the folder, made anew), --with-onednn (its headers and library too: fast convolutions on that machine's CPU).
set -euo pipefail

usage() { echo "usage: scripts/collect_headers.sh DIR [--with-onednn]"; }

target=""
with_onednn=false
for argument in "$@"; do
  case $argument in
    --with-onednn) with_onednn=true ;;
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

if $with_onednn; then
  mkdir -p "$target/lib"
  cp -L /usr/include/dnnl*.h /usr/include/dnnl.hpp "$target/include/"
  if [ -d /usr/include/oneapi ]; then cp -rL /usr/include/oneapi "$target/include/"; fi
  library=$(ldconfig -p | awk '$1 == "libdnnl.so.2" { found = $NF } END { print found }')
  [ -n "$library" ] || { echo "collect_headers.sh: libdnnl.so.2 is missing; apt-get install libdnnl-dev" >&2; exit 1; }
  cp -L "$library" "$target/lib/libdnnl.so.2"
  ln -s libdnnl.so.2 "$target/lib/libdnnl.so"
fi
du -sh "$target"
