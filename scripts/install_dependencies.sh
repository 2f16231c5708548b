#!/usr/bin/env bash
# Installs with apt-get the packages that Pliant is built from and that are missing here; does nothing where all are there.
# Options: --with-torch adds PyTorch for the comparison tests; --with-clang adds Clang 16 for sanitizers and fuzzing; --check only lists
# what is missing and ends with 1 if anything is.
set -euo pipefail

usage() {
  cat <<'TEXT'
usage: scripts/install_dependencies.sh [--with-torch] [--with-clang] [--check]
  --with-torch   also python3-torch, python3-numpy and libtcmalloc-minimal4, which comparisons with PyTorch need
  --with-clang   also clang-16 with its OpenMP and sanitizer runtimes, which the preset "sanitize" and scripts/fuzz.sh need
  --check        install nothing; list what is missing, end with 1 if anything is
Needs Debian 12 or a system with the same packages, and root or sudo if anything is missing.
TEXT
}

packages=(cmake ninja-build g++ pkg-config python3 ca-certificates libdnnl-dev libboost-context-dev doctest-dev
          libeigen3-dev libstb-dev libcli11-dev nlohmann-json3-dev libfmt-dev libbenchmark-dev zlib1g-dev
          libcurl4-openssl-dev libarchive-dev)
check_only=false
for argument in "$@"; do
  case $argument in
    --with-torch) packages+=(python3-torch python3-numpy libtcmalloc-minimal4) ;;
    --with-clang) packages+=(clang-16 libomp-16-dev libclang-rt-16-dev llvm-16) ;;
    --check) check_only=true ;;
    -h | --help) usage; exit 0 ;;
    *) echo "install_dependencies.sh: unknown option $argument" >&2; usage >&2; exit 2 ;;
  esac
done

if ! command -v dpkg-query > /dev/null || ! command -v apt-get > /dev/null; then
  echo "install_dependencies.sh: no apt-get here; install what these Debian packages hold: ${packages[*]}" >&2
  exit 1
fi

missing=()
for package in "${packages[@]}"; do
  state=$(dpkg-query -W -f='${db:Status-Status}' "$package" 2> /dev/null || true)
  [ "$state" = installed ] || missing+=("$package")
done
[ ${#missing[@]} -gt 0 ] || exit 0

echo "missing packages: ${missing[*]}"
if $check_only; then exit 1; fi

as_root=()
if [ "$(id -u)" -ne 0 ]; then
  if ! command -v sudo > /dev/null; then
    echo "install_dependencies.sh: neither root nor sudo; as root run: apt-get install ${missing[*]}" >&2
    exit 1
  fi
  as_root=(sudo)
fi

install_missing() {
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install --yes --quiet --no-install-recommends "${missing[@]}"
}

# A fresh system has no package lists, an old one has stale ones: both need an update, others do not.
known=true
for package in "${missing[@]}"; do
  apt-cache show "$package" > /dev/null 2>&1 || known=false
done
if ! $known || ! install_missing; then
  "${as_root[@]}" apt-get update --quiet
  install_missing
fi
