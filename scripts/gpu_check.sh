#!/usr/bin/env bash
# Builds for the card of this machine, runs everything on it that needs one, and writes report.json and report.md.
# Needs CUDA 13, cuDNN 9, CMake, Ninja; no packages and no network. --help lists the options.
set -euo pipefail

kStages="build tests sanitizer training benchmarks pytorch"
usage() {
  cat <<TEXT
usage: scripts/gpu_check.sh quick|full [--stages LIST] [--report DIR] [--jobs N] [--build-only]
  quick             every test, compute-sanitizer's memcheck on a few kernels, kernel benchmarks, ResNet-20 beside PyTorch: within 8 minutes
  full              all four tools of compute-sanitizer, all benchmarks, all nets beside PyTorch
  --stages LIST     some of: ${kStages// /,}. What an earlier call left in the report's folder stays in the report
  --report DIR      default: benchmarks/results/gpu
  --build DIR       default: build/gpu
  --build-only      compile and link; no card needed
  PLIANT_DEPS_DIR   folder that scripts/collect_headers.sh made, on a machine without system packages
  CUDNN_HOME        folder with cuDNN's include/ and lib/; by default the toolkit's, the system's or pip's nvidia/cudnn
  CUBLAS_HOME       the same for cuBLASLt; by default the toolkit's, the system's or pip's nvidia/cu13
Ends with 0 where everything ran and passed, 1 where something failed or was left out that a card could run, 5 where there is no
card or no toolkit.
TEXT
}
refuse() { echo "gpu_check.sh: $1" >&2; usage >&2; exit 2; }

form="" build_only=false jobs=$(nproc) report="" build="" stages=$kStages
while [ $# -gt 0 ]; do
  case $1 in
    quick | full) form=$1; shift ;;
    --build-only) build_only=true; shift ;;
    --stages | --report | --build | --jobs)
      [ $# -ge 2 ] || refuse "$1 needs a value"
      case $1 in --stages) stages=${2//,/ } ;; --report) report=$(realpath -m "$2") ;; --build) build=$(realpath -m "$2") ;; --jobs) jobs=$2 ;; esac
      shift 2 ;;
    -h | --help) usage; exit 0 ;;
    *) refuse "unknown argument $1" ;;
  esac
done
[ -n "$form" ] || refuse "quick or full?"
for stage in $stages; do [[ " $kStages " == *" $stage "* ]] || refuse "unknown stage $stage"; done
if $build_only; then stages=build; fi
dependencies=${PLIANT_DEPS_DIR:+$(realpath -m "$PLIANT_DEPS_DIR")}
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cd "$here/.."
report=${report:-$PWD/benchmarks/results/gpu}
build=${build:-$PWD/build/gpu}
mkdir -p "$report"

no_device() { echo "gpu_check.sh: $1" >&2; exit 5; }

# The card first: without one there is nothing to build for.
architecture=90-real
if ! $build_only; then
  command -v nvidia-smi > /dev/null || no_device "no NVIDIA driver here (nvidia-smi is missing); --build-only compiles without a card"
  capability=$(nvidia-smi --query-gpu=compute_cap --format=csv,noheader 2>&1 | head -1) || no_device "nvidia-smi finds no card: $capability"
  architecture=$(tr -d '. ' <<< "$capability")-real
  [[ $architecture =~ ^[0-9]+-real$ ]] || no_device "nvidia-smi names no compute capability: $capability"
fi
nvcc=""
for candidate in "${CUDACXX:-}" "$(command -v nvcc || true)" "${CUDA_HOME:-/usr/local/cuda}/bin/nvcc"; do
  if [ -z "$nvcc" ] && [ -n "$candidate" ] && [ -x "$candidate" ]; then nvcc=$candidate; fi
done
[ -n "$nvcc" ] || no_device "no nvcc in PATH, CUDACXX or CUDA_HOME"

# What a stage prints goes to its log; outcomes.csv holds stage,outcome,seconds,reason, a later line for the same stage replacing it.
failed=false
outcome() {  # stage outcome seconds reason
  printf '%s,%s,%s,%s\n' "$1" "$2" "$3" "${4//,/;}" >> "$report/outcomes.csv"
  printf '%-12s %-11s %4d s  %s\n' "$1" "$2" "$3" "$4"
  if [ "$2" = failed ]; then failed=true; fi
}
# stage NAME FUNCTION: the function's last line of output is shown; 77 says that this machine cannot run it, with the reason there.
stage() {
  [[ " $stages " == *" $1 "* ]] || return 0
  local begin=$SECONDS code said
  set +e  # bash ignores the function's own set -e wherever the outcome is tested
  (set -e; "$2") > "$report/$1.log" 2>&1
  code=$?
  set -e
  said=$(tail -1 "$report/$1.log" | cut -c1-200)
  case $code in
    0) outcome "$1" passed $((SECONDS - begin)) "$said" ;;
    77) outcome "$1" unavailable $((SECONDS - begin)) "$said" ;;
    *) outcome "$1" failed $((SECONDS - begin)) "exit code $code: $said" ;;
  esac
}

. "$here/gpu_stages.sh"
stage build build_everything
if $build_only; then
  $failed && { tail -30 "$report/build.log"; exit 1; }
  echo "built for $architecture; nothing was run"
  exit 0
fi
[ -x "$build/pliant" ] || { tail -30 "$report/build.log" >&2; echo "gpu_check.sh: nothing was built; see $report/build.log" >&2; exit 1; }
stage tests run_tests
stage sanitizer run_sanitizer
stage training run_training
stage benchmarks run_benchmarks
stage pytorch run_pytorch
python3 "$here/gpu_report.py" "$report" --build "$build" --form "$form" --nvcc "$nvcc" || failed=true
echo "report    $report/report.md"
! $failed
