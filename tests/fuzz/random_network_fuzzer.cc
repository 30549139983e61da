// Random networks through all passes, before and after compared in ONNX Runtime.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <string>

#include "tests/fuzz/properties.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string bytes(reinterpret_cast<const char*>(data), size);
  const auto slimmed = cnnopt::testing::CheckRandomNetwork(cnnopt::testing::Choices(bytes));
  if (!slimmed.ok()) {
    std::cerr << slimmed.status() << "\n";
    std::abort();
  }
  return 0;
}
