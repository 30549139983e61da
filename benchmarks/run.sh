#!/usr/bin/env bash
# All benchmarks with one command: builds cnnopt and prints every table, half a day's work on two cores.
#
#   benchmarks/run.sh [--models=DIR] [--corpus=DIR] [--evaluate=SCRIPT] [--quick]
#
#   --models, --corpus, --evaluate   as of benchmarks/accuracy.py; without them the nets of testdata/
#   --quick                          testdata/ and ResNet-50 alone, some ten minutes
#
# $PYTHON (default python3) needs numpy, onnx and onnxruntime; onnxsim, onnxslim and onnxoptimizer take part if it has
# them. All figures are ratios of alternating runs, so that other programs disturb them little. Goes on when a
# table misses what it is to reach; exits with 1 then.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
python=${PYTHON:-python3}
models=testdata corpus="" evaluate="" quick=""
for argument in "$@"; do
  case $argument in
    --models=*) models=${argument#*=} ;;
    --corpus=*) corpus=${argument#*=} ;;
    --evaluate=*) evaluate=${argument#*=} ;;
    --quick) quick=yes ;;
    *) sed -n '2,12s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
  esac
done

scripts/setup.sh
cmake --preset release -DBUILD_TESTING=OFF -DCNNOPT_BENCHMARKS=ON >/dev/null
cmake --build --preset release -j "$(nproc)"
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
missed=0
run() { echo; echo "== $*"; "$@" || missed=1; }

echo "machine: $(sed -n 's/^model name.*: //p' /proc/cpuinfo | head -1), $(nproc) cores, $(uname -sr)"
nets=(resnet50)
[ -n "$quick" ] || nets=(resnet50 vgg16 wide)
run "$python" benchmarks/make_models.py "$folder" "${nets[@]}"
paths=("${nets[@]/#/$folder/}")
run "$python" benchmarks/own_speed.py "${paths[@]/%/.onnx}" --rounds=3
run build/release/benchmarks/algebra_rate
run build/release/benchmarks/dsc_latency
run "$python" benchmarks/emission.py
run "$python" benchmarks/stage_times.py "$folder/resnet50.onnx=1,3,224,224"
speed=("$folder/resnet50.onnx")
if [ -z "$quick" ]; then
  speed+=("$folder/vgg16.onnx")
  for net in craft waifu2x_upconv7_photo crnn_english_g2 opennsfw_resnet50thin; do
    [ -z "$corpus" ] || speed+=("$corpus/models/$net.onnx=$corpus/data/calib/$net.npy")
  done
fi
run "$python" benchmarks/speed.py "${speed[@]}"
run "$python" benchmarks/accuracy.py --models="$models" ${corpus:+--corpus="$corpus"} ${evaluate:+--evaluate="$evaluate"}
[ -n "$quick" ] || run "$python" benchmarks/zoo.py
exit $missed
