"""For tests that need something beyond what scripts/setup.sh installs: left out with a word about it, never in CI."""
import os
import sys

SKIPPED = 77  # what tests/CMakeLists.txt gives ctest as SKIP_RETURN_CODE


def leave_out(what):
    print("left out: %s is not installed; scripts/setup.sh --dev installs it" % what)
    sys.exit(1 if os.environ.get("CI") else SKIPPED)
