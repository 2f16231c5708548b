#!/usr/bin/env bash
# Builds for the card of this machine and runs the tests on it. Needs CUDA 13, cuDNN 9, CMake, Ninja; no packages and no network.
# Options: quick (the only form so far), --build-only (no card needed), --report DIR (default benchmarks/results), --jobs N.
set -euo pipefail

usage() {
  cat <<'TEXT'
usage: scripts/gpu_check.sh quick [--build-only] [--report DIR] [--jobs N]
  PLIANT_DEPS_DIR   folder that scripts/collect_headers.sh made, on a machine without system packages
  CUDNN_HOME        folder with cuDNN's include/ and lib/; by default the toolkit's or pip's nvidia/cudnn
Ends with 0 where every test passed on the card, 1 where one failed, 5 where there is no card or no toolkit.
TEXT
}

build_only=false
jobs=$(nproc)
report_folder=""
form=""
while [ $# -gt 0 ]; do
  case $1 in
    quick) form=quick; shift ;;
    --build-only) build_only=true; shift ;;
    --report | --jobs)
      [ $# -ge 2 ] || { echo "gpu_check.sh: $1 needs a value" >&2; exit 2; }
      case $1 in --report) report_folder=$(realpath -m "$2") ;; --jobs) jobs=$2 ;; esac
      shift 2 ;;
    -h | --help) usage; exit 0 ;;
    *) echo "gpu_check.sh: unknown argument $1" >&2; usage >&2; exit 2 ;;
  esac
done
[ -n "$form" ] || { usage >&2; exit 2; }
dependencies=${PLIANT_DEPS_DIR:+$(realpath -m "$PLIANT_DEPS_DIR")}
cd "$(dirname "${BASH_SOURCE[0]}")/.."
report_folder=${report_folder:-$PWD/benchmarks/results}

no_device() { echo "gpu_check.sh: $1" >&2; exit 5; }

# The card first: without one there is nothing to build for.
device="none (build only)"
architecture=90-real
if ! $build_only; then
  command -v nvidia-smi > /dev/null || no_device "no NVIDIA driver here (nvidia-smi is missing); --build-only compiles without a card"
  device=$(nvidia-smi --query-gpu=name,driver_version,compute_cap,memory.total --format=csv,noheader 2>&1 | head -1) ||
    no_device "nvidia-smi finds no card: $device"
  architecture=$(nvidia-smi --query-gpu=compute_cap --format=csv,noheader | head -1 | tr -d '. ')-real
  [[ $architecture =~ ^[0-9]+-real$ ]] || no_device "nvidia-smi names no compute capability: $device"
fi
nvcc=""
for candidate in "${CUDACXX:-}" "$(command -v nvcc || true)" "${CUDA_HOME:-/usr/local/cuda}/bin/nvcc"; do
  if [ -z "$nvcc" ] && [ -n "$candidate" ] && [ -x "$candidate" ]; then nvcc=$candidate; fi
done
[ -n "$nvcc" ] || no_device "no nvcc in PATH, CUDACXX or CUDA_HOME"

configure=(-DPLIANT_CUDA=ON "-DCMAKE_CUDA_COMPILER=$nvcc" "-DCMAKE_CUDA_ARCHITECTURES=$architecture")
if [ -n "$dependencies" ]; then configure+=("-DPLIANT_DEPS_DIR=$dependencies"); fi

# pip's packages hold what a toolkit without its libraries lacks: nvidia/cudnn, and cuBLAS in nvidia/cu13.
pip_folder() { python3 -c 'import importlib.util as u, sys; print(list(u.find_spec(sys.argv[1]).submodule_search_locations)[0])' "$1" 2> /dev/null; }
toolkit=$(dirname "$(dirname "$(realpath "$nvcc")")")
if [ -z "${CUDNN_HOME:-}" ] && [ ! -e "$toolkit/include/cudnn.h" ]; then
  CUDNN_HOME=$(pip_folder nvidia.cudnn || true)
fi
if [ -n "${CUDNN_HOME:-}" ]; then configure+=("-DCUDNN_HOME=$CUDNN_HOME"); fi
if [ ! -e "$toolkit/include/cublasLt.h" ]; then
  wheels=$(pip_folder nvidia.cu13 || true)
  [ -n "$wheels" ] || no_device "no cuBLAS in $toolkit and none from pip"
  export CPLUS_INCLUDE_PATH=$wheels/include${CPLUS_INCLUDE_PATH:+:$CPLUS_INCLUDE_PATH}
  configure+=("-DCUDA_cublas_LIBRARY=$wheels/lib/libcublas.so.13" "-DCUDA_cublasLt_LIBRARY=$wheels/lib/libcublasLt.so.13")
fi

build=build/gpu
begin=$SECONDS
cmake -S . -B $build -G Ninja -DCMAKE_BUILD_TYPE=Release "${configure[@]}"
cmake --build $build --parallel "$jobs"
build_seconds=$((SECONDS - begin))
if $build_only; then
  echo "built for $architecture in $build_seconds s; nothing was run"
  exit 0
fi

mkdir -p "$report_folder"
report=$report_folder/gpu_check.txt
status=0
{
  echo "Pliant on a GPU, $(date -u +%Y-%m-%dT%H:%MZ), commit $(git rev-parse --short HEAD 2> /dev/null || echo unknown)"
  echo "device    $device"
  echo "toolkit   $("$nvcc" --version | sed -n 's/^Cuda compilation tools, //p')"
  echo "cuDNN     $(grep -hoE '#define CUDNN_(MAJOR|MINOR|PATCHLEVEL) [0-9]+' \
    "${CUDNN_HOME:-$toolkit}"/include/cudnn_version*.h | awk '{ print $3 }' | head -3 | paste -sd.)"
  echo "build     $architecture, $build_seconds s with $jobs jobs"
} | tee "$report"

# The operations first, for they explain what else fails. One program is one CUDA context: a fault ends that program alone.
for folder in kernels core layers nets train; do
  program=$build/test_$folder
  [ -x "$program" ] || { echo "test_$folder   was not built" | tee -a "$report"; status=1; continue; }
  begin=$SECONDS
  outcome=passed
  timeout 300 "$program" --no-version --duration=false > "$report_folder/test_$folder.log" 2>&1 || outcome="FAILED ($?)" status=1
  summary=$(grep -aE 'test cases:' "$report_folder/test_$folder.log" | tail -1 || true)
  printf '%-10s%s, %d s %s\n' "$folder" "$outcome" $((SECONDS - begin)) "$summary" | tee -a "$report"
done

run=$(mktemp -d)
trap 'rm -rf "$run"' EXIT
begin=$SECONDS
outcome=passed
"$build/pliant" train resnet20 --data synthetic --epochs 2 --device cuda --json --out "$run/training" \
  > "$report_folder/training.json" 2> "$report_folder/training.log" || outcome="FAILED ($?)" status=1
printf '%-10s%s, %d s %s\n' training "$outcome" $((SECONDS - begin)) "$(tail -1 "$report_folder/training.json")" | tee -a "$report"
echo "report    $report"
exit $status
