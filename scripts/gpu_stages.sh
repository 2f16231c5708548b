# The stages of gpu_check.sh, which sources this file: uses its form, build, report, jobs, nvcc, architecture, dependencies, here.

build_everything() {
  local configure=(-DPLIANT_CUDA=ON "-DCMAKE_CUDA_COMPILER=$nvcc" "-DCMAKE_CUDA_ARCHITECTURES=$architecture")
  if [ -n "$dependencies" ]; then configure+=("-DPLIANT_DEPS_DIR=$dependencies"); fi
  if [ -e "${dependencies:-/usr}/include/benchmark/benchmark.h" ]; then configure+=(-DPLIANT_BENCHMARKS=ON); fi
  if [ -n "${CUDNN_HOME:-}" ]; then configure+=("-DCUDNN_HOME=$CUDNN_HOME"); fi
  if [ -n "${CUBLAS_HOME:-}" ]; then configure+=("-DCUBLAS_HOME=$CUBLAS_HOME"); fi
  cmake -S . -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=Release "${configure[@]}"
  cmake --build "$build" --parallel "$jobs"
  echo "for $architecture with $jobs jobs"
}

# The operations first, for they explain what else fails. One program is one CUDA context: a fault ends that program alone. A program
# that wrote fewer results than it has test cases has skipped some.
run_tests() {
  local folder program listed reported status=0 all=0
  rm -f "$report"/test_*.xml
  for folder in kernels core layers nets train fuzz ladder libraries; do
    program=$build/test_$folder
    [ -x "$program" ] || { echo "test_$folder was not built"; status=1; continue; }
    timeout 400 "$program" --no-skip --reporters=junit "--out=$report/test_$folder.xml" || { echo "test_$folder: exit code $?"; status=1; }
    listed=$("$program" --no-skip --count | sed -n 's/.*: \([0-9]*\)$/\1/p' | tail -1)
    reported=$(grep -c '<testcase ' "$report/test_$folder.xml" || true)
    echo "test_$folder: $reported of $listed"
    [ "$reported" = "$listed" ] || status=1
    all=$((all + reported))
  done
  echo "$all test cases on the card"
  return $status
}

# Slow by nature: a few small cases per tool. Some virtual machines do not let the tool attach.
run_sanitizer() {
  local sanitizer tools=(memcheck) tool said
  sanitizer=$(command -v compute-sanitizer || ls "$(dirname "$nvcc")/compute-sanitizer" 2> /dev/null || true)
  [ -n "$sanitizer" ] || { echo "compute-sanitizer is not installed"; return 77; }
  said=$("$sanitizer" "$build/test_core" --test-case="tensor*" 2>&1 || true)
  if [[ $said == *"Device not supported"* ]]; then
    echo "this machine does not let compute-sanitizer attach"
    return 77
  fi
  if [ "$form" = full ]; then tools=(memcheck racecheck initcheck synccheck); fi
  for tool in "${tools[@]}"; do
    timeout 280 "$sanitizer" --tool "$tool" --error-exitcode 1 "$build/test_kernels" --test-case="batch norm*,reduce*,pool*,conv2d_cross*,sgd*,exits*"
  done
  echo "${tools[*]}: no errors"
}

# Two epochs, and the same two on the CPU: equal seeds draw equal weights, orders and crops, so only rounding is different.
run_training() {
  local device run
  run=$(mktemp -d)
  for device in cuda cpu; do
    "$build/pliant" train resnet20 --data synthetic --limit-train 2000 --batch 32 --epochs 2 --device $device --json --out "$run/$device" \
      > "$report/training-$device.json" || { rm -rf "$run"; return 1; }
  done
  for device in cuda cpu; do cp "$run/$device/metrics.csv" "$report/training-$device.csv"; done
  rm -rf "$run"
  python3 - "$report/training-cuda.csv" "$report/training-cpu.csv" <<'PYTHON'
import csv, sys
last = [list(csv.DictReader(open(path)))[0] for path in sys.argv[1:]]
column = next(name for name in last[0] if "train" in name and "loss" in name)
cuda, cpu = (float(row[column]) for row in last)
print(f"{column} of the first epoch: {cuda:.5f} on the card, {cpu:.5f} on the CPU")
sys.exit(not abs(cuda - cpu) <= 0.05 * abs(cpu))
PYTHON
}

run_benchmarks() {
  local program seconds=0.05
  [ -x "$build/bench_kernels" ] || { echo "Google Benchmark is not here: collect_headers.sh --with-benchmark brings it"; return 1; }
  if [ "$form" = full ]; then seconds=0.3; fi
  for program in bench_kernels bench_conv; do
    "$build/$program" --benchmark_filter=^cuda/ --benchmark_min_time=$seconds --benchmark_out="$report/$program.json" --benchmark_out_format=json
  done
  if [ -x "$build/bench_ladder" ]; then "$build/bench_ladder" --json > "$report/bench_ladder.json"; fi
  echo "$(grep -c '"median_ms"' "$report"/bench_*.json | paste -sd ' ') rows"
}

run_pytorch() {
  local nets=(resnet20) batches=(128) variants=eager,nhwc,bf16,graph rounds=2 seconds=0.2
  python3 -c 'import torch' 2> /dev/null || { echo "PyTorch is not installed"; return 77; }
  [ -x "$build/bench_step" ] || { echo "Google Benchmark is not here: collect_headers.sh --with-benchmark brings it"; return 1; }
  if [ "$form" = full ]; then
    nets=(resnet20 resnet56 resnet110 vgg16 mobilenet-v1 densenet40 resnet20-slimmable resnet110-depth)
    batches=(128 1024) variants=eager,nhwc,bf16,graph,compile rounds=3 seconds=0.3
  fi
  python3 benchmarks/compare_gpu.py --bench-step "$build/bench_step" --pliant "$build/pliant" --nets "${nets[@]}" --batches "${batches[@]}" \
    --variants $variants --rounds $rounds --seconds $seconds --json "$report/pytorch.json"
}
