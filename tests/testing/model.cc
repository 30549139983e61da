#include "tests/testing/model.h"

#include <cstdlib>
#include <iostream>

#include "onnx_io/text.h"

namespace cnnopt::testing {

onnx::ModelProto ModelFromText(absl::string_view text) {
  absl::StatusOr<onnx::ModelProto> model = ParseModel(text);
  if (!model.ok()) {
    std::cerr << "test model does not parse: " << model.status() << "\n" << text << "\n";
    std::abort();
  }
  return *std::move(model);
}

std::string TestData(absl::string_view name) { return std::string(CNNOPT_TESTDATA "/") + std::string(name); }

}  // namespace cnnopt::testing
