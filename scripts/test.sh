#!/usr/bin/env bash
# Sets up what is missing, builds the dev preset and runs every test.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
scripts/setup.sh
export ORT_DISABLE_TELEMETRY=1
cmake --preset dev >/dev/null
cmake --build --preset dev -j "$(nproc)"
ctest --preset dev -j "$(nproc)"
