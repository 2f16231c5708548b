#!/usr/bin/env bash
# Installs what is missing, builds the program, trains ResNet-20 for a few epochs, evaluates it; ends with the accuracy and the folder.
# Options: --epochs N (default 3), --limit-train N (default 20000 images; 0: all), --out DIR (default: a new folder under runs/).
set -euo pipefail

usage() {
  cat <<'TEXT'
usage: scripts/quickstart.sh [--epochs N] [--limit-train N] [--out DIR]
The images: CIFAR-10 in the folder PLIANT_DATA, or in build/data after a download, or the built-in synthetic set where
there is neither a folder nor a network. PLIANT_OFFLINE=1 skips the download.
TEXT
}

epochs=3
limit=20000
out=""
while [ $# -gt 0 ]; do
  case $1 in
    --epochs | --limit-train | --out)
      [ $# -ge 2 ] || { echo "quickstart.sh: $1 needs a value" >&2; exit 2; }
      case $1 in --epochs) epochs=$2 ;; --limit-train) limit=$2 ;; --out) out=$2 ;; esac
      shift 2 ;;
    -h | --help) usage; exit 0 ;;
    *) echo "quickstart.sh: unknown option $1" >&2; usage >&2; exit 2 ;;
  esac
done

offered=${PLIANT_DATA:+$(realpath -m "$PLIANT_DATA")}
out=${out:+$(realpath -m "$out")}
cd "$(dirname "${BASH_SOURCE[0]}")/.."
scripts/install_dependencies.sh

if command -v ccache > /dev/null; then export CMAKE_CXX_COMPILER_LAUNCHER=ccache; fi
cmake --preset release
cmake --build --preset release --target pliant
program=build/release/pliant

# Fetches CIFAR-10 into build/data; false where that does not work. 170 MB, so a slow network counts as none.
download_cifar() {
  [ "${PLIANT_OFFLINE:-0}" != 1 ] || return 1
  mkdir -p build/data
  timeout 600 "$program" data fetch cifar10 --output build/data
}

holds_cifar() { [ -e "$1/cifar-10-batches-bin" ] || [ -e "$1/cifar10-images" ] || [ -e "$1/data_batch_1.bin" ]; }

if [ -n "$offered" ] && ! holds_cifar "$offered"; then
  echo "PLIANT_DATA=$offered holds neither cifar10-images nor cifar-10-batches-bin; looking elsewhere" >&2
  offered=""
fi
if [ -n "$offered" ]; then
  data=$offered
  set_name="CIFAR-10 in $data"
  choose=(--dataset cifar10)
elif [ -d build/data/cifar-10-batches-bin ] || download_cifar; then
  data=build/data
  set_name="CIFAR-10"
  choose=(--dataset cifar10)
else
  echo "no CIFAR-10 here and no download: training on the built-in synthetic set, which says nothing about real images"
  data=synthetic
  set_name="the built-in SYNTHETIC set (not real images)"
  choose=()
  if [ "$limit" = 20000 ]; then limit=0; fi
fi

if [ -z "$out" ]; then
  out=runs/quickstart-$(date +%Y%m%d-%H%M%S)
  if [ -e "$out" ]; then out=$out-$$; fi
fi
limit_flag=()
if [ "$limit" != 0 ]; then limit_flag=(--limit-train "$limit"); fi

echo "training ResNet-20 on $set_name, $epochs epochs"
"$program" train resnet20 --data "$data" "${choose[@]}" --epochs "$epochs" "${limit_flag[@]}" --out "$out"
report=$("$program" eval "$out/best.safetensors" --data "$data" "${choose[@]}" --json)
accuracy=$(python3 -c 'import json, sys; print("%.2f %%" % (100 * json.loads(sys.argv[1])["accuracy"]))' "$report")

echo
echo "test accuracy  $accuracy on $set_name after $epochs epochs"
echo "results        $out (best.safetensors, last.safetensors, metrics.csv, config.json, env.json)"
