// Any bytes as a model file.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <string>

#include "tests/fuzz/properties.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto outcome = cnnopt::testing::CheckReading(std::string(reinterpret_cast<const char*>(data), size));
  if (!outcome.ok()) {
    std::cerr << outcome.status() << "\n";
    std::abort();
  }
  return 0;
}
