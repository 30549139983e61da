#include "onnx_io/text.h"

#include <exception>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "onnx/defs/parser.h"
#include "onnx/defs/printer.h"

namespace cnnopt {

absl::StatusOr<onnx::ModelProto> ParseModel(absl::string_view text) {
  try {
    onnx::ModelProto model;
    onnx::OnnxParser parser(std::string_view(text.data(), text.size()));
    const onnx::Common::Status status = parser.Parse(model);
    if (!status.IsOK()) {
      return absl::InvalidArgumentError(absl::StrCat("model text does not parse: ", status.ErrorMessage()));
    }
    if (!parser.EndOfInput()) {
      return absl::InvalidArgumentError("model text does not parse: more text after the end of the model");
    }
    return model;
  } catch (const std::exception& error) {
    return absl::InvalidArgumentError(absl::StrCat("model text does not parse: ", error.what()));
  }
}

std::string PrintModel(const onnx::ModelProto& model) { return onnx::ProtoToString(model); }

}  // namespace cnnopt
