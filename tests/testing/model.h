// Models and a runtime for tests.
#ifndef CNNOPT_TESTS_TESTING_MODEL_H_
#define CNNOPT_TESTS_TESTING_MODEL_H_

#include <cstdint>
#include <memory>
#include <string>

#include "absl/strings/string_view.h"
#include "onnx/onnx_pb.h"
#include "runtime/session.h"

namespace cnnopt::testing {

// Parses ONNX text; ends the test program with the parser's message when the text is wrong.
onnx::ModelProto ModelFromText(absl::string_view text);
// `model` with every FLOAT input, output and initializer turned into `data_type`: ONNX text has no 16-bit numbers.
onnx::ModelProto WithFloatType(onnx::ModelProto model, int32_t data_type);
// The path of a file under testdata/.
std::string TestData(absl::string_view name);
// The installed ONNX Runtime, opened once; ends the test program when there is none.
std::shared_ptr<const OnnxRuntime> TestRuntime();

}  // namespace cnnopt::testing

#endif  // CNNOPT_TESTS_TESTING_MODEL_H_
