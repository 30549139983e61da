#!/usr/bin/env bash
# Runs every fuzz target for SECONDS each (default 60), or those named. Needs scripts/setup.sh --dev.
#
#   scripts/fuzz.sh [SECONDS [TARGET...]]    targets: read_model whole_job random_network
#
# The corpus grows in build/fuzz/corpus/TARGET. A failing input is left in build/fuzz/TARGET-*; to look at one:
# build/fuzz/tests/TARGET_fuzzer FILE. tests/fuzz/reduce.cc makes a failing model small.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
readonly seconds=${1:-60}
shift || true
targets=("$@")
[ ${#targets[@]} != 0 ] || targets=(read_model whole_job random_network)
export ORT_DISABLE_TELEMETRY=1
cmake --preset fuzz >/dev/null
cmake --build --preset fuzz -j "$(nproc)" --target fuzzers
build/fuzz/tests/make_seeds build/fuzz/corpus
for target in "${targets[@]}"; do
  echo "fuzz: $target for $seconds s"
  # Memory that large models may have, and that a model's words alone never may: the limit is of the fuzzer.
  "build/fuzz/tests/${target}_fuzzer" "build/fuzz/corpus/$target" -max_total_time="$seconds" -rss_limit_mb=4096 \
    -timeout=300 -max_len=20000 -print_final_stats=1 -verbosity=0 -artifact_prefix="build/fuzz/$target-"
done
