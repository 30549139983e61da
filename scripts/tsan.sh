#!/usr/bin/env bash
# Many jobs in one process under ThreadSanitizer: builds what tests/threads needs and runs it; arguments go to the test
# program (--gtest_filter=...). Needs scripts/setup.sh --dev. Any race ends it with a report and exit code 66.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export ORT_DISABLE_TELEMETRY=1
cmake --preset tsan >/dev/null
cmake --build --preset tsan -j "$(nproc)" --target threads_tests
# addr2line is there wherever a compiler is; llvm-symbolizer is a package of its own.
TSAN_OPTIONS="suppressions=$PWD/tests/threads/tsan.supp external_symbolizer_path=$(command -v addr2line) \
${TSAN_OPTIONS:-}" \
  build/tsan/tests/threads_tests "$@"
