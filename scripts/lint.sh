#!/usr/bin/env bash
# clang-tidy over all sources of the programs, and hadolint over the Dockerfile; or clang-tidy over the files given.
# Needs scripts/setup.sh --dev.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
cmake --preset tidy -DCMAKE_CXX_CLANG_TIDY= >/dev/null
if [ $# = 0 ]; then
  "${CNNOPT_PREFIX:-$HOME/.cache/cnnopt}/venv/bin/hadolint" Dockerfile
  mapfile -t files < <(git ls-files 'onnx_io/*.cc' 'runtime/*.cc' 'passes/*.cc' 'report/*.cc' 'job/*.cc' 'batch/*.cc' 'api/*.cc' 'cli/*.cc' 'benchmarks/*.cc')
else
  files=("$@")
fi
printf '%s\n' "${files[@]}" | xargs -P "$(nproc)" -n 2 clang-tidy-19 -p build/tidy --quiet --warnings-as-errors='*'
echo "lint: ${#files[@]} files clean"
