#include <cstdlib>
#include <iostream>

#include "tests/testing/model.h"

namespace cnnopt::testing {

std::shared_ptr<const OnnxRuntime> TestRuntime() {
  static const absl::StatusOr<std::shared_ptr<const OnnxRuntime>> runtime = OnnxRuntime::Open();
  if (!runtime.ok()) {
    std::cerr << "no ONNX Runtime: " << runtime.status() << " (scripts/setup.sh installs one)\n";
    std::abort();
  }
  return *runtime;
}

}  // namespace cnnopt::testing
