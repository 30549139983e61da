#include "job/calibration.h"

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "job/exit_code.h"
#include "job/image_flags.h"
#include "job/path_checks.h"
#include "onnx_io/shapes.h"
#include "onnx_io/status_macros.h"
#include "report/display.h"

namespace cnnopt {

absl::StatusOr<std::optional<SampleFiles>> OpenCalibration(const SlimArguments& arguments,
                                                           const onnx::ModelProto& model) {
  if (!arguments.arrays.empty()) {
    CNNOPT_ASSIGN_OR_RETURN(SampleFiles files, From(Origin::kInput, SampleFiles::OfArrays(arguments.arrays, model)));
    return std::optional<SampleFiles>(std::move(files));
  }
  if (arguments.calibration.empty()) {
    return std::optional<SampleFiles>();
  }
  CNNOPT_ASSIGN_OR_RETURN(SampleFiles files,
                          From(Origin::kInput, SampleFiles::Open(arguments.calibration, model, arguments.images)));
  CNNOPT_RETURN_IF_ERROR(CheckSampleFiles(arguments, files.Files()));
  const std::vector<std::string> image_flags = ImageFlags(arguments.images);
  if (!files.HaveImages() && !image_flags.empty()) {
    return From(Origin::kUsage,
                absl::InvalidArgumentError(absl::StrCat(image_flags[0], " is for images, --calibration gives none")));
  }
  return std::optional<SampleFiles>(std::move(files));
}

absl::StatusOr<std::map<std::string, Shape>> CompleteShapes(const std::optional<SampleFiles>& calibration,
                                                            const onnx::ModelProto& model,
                                                            std::map<std::string, Shape> given) {
  absl::StatusOr<std::map<std::string, Shape>> shapes = InputShapes(model, given);
  if (shapes.ok() || !calibration.has_value()) {
    return From(Origin::kUsage, shapes);
  }
  CNNOPT_ASSIGN_OR_RETURN(auto in_files, From(Origin::kInput, calibration->Shapes(given)));
  given.insert(in_files.begin(), in_files.end());
  return From(Origin::kUsage, InputShapes(model, given));
}

std::string CalibrationName(const SlimArguments& arguments) {
  if (!arguments.arrays.empty()) return "arrays in memory";
  return absl::StrJoin(arguments.calibration, ", ", [](std::string* out, absl::string_view path) {
    while (absl::ConsumeSuffix(&path, "/")) {
    }
    absl::StrAppend(out, BaseName(path));
  });
}

}  // namespace cnnopt
