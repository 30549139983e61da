// Calibration data as the command line names it.
#ifndef CNNOPT_JOB_CALIBRATION_H_
#define CNNOPT_JOB_CALIBRATION_H_

#include <map>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "job/options.h"
#include "onnx/onnx_pb.h"
#include "runtime/samples.h"

namespace cnnopt {

// The data of --calibration for `model`; nullopt when there is none. Also checks that no output would replace it and
// that flags for images have images. Errors carry their origin, see exit_code.h.
absl::StatusOr<std::optional<SampleFiles>> OpenCalibration(const SlimArguments& arguments,
                                                           const onnx::ModelProto& model);

// Complete shapes of all inputs: those `given`, else the model's, else what the data settles. Errors carry their
// origin.
absl::StatusOr<std::map<std::string, Shape>> CompleteShapes(const std::optional<SampleFiles>& calibration,
                                                            const onnx::ModelProto& model,
                                                            std::map<std::string, Shape> given);

// The last parts of the paths of --calibration, "images, masks.npy"; "" when there are none.
std::string CalibrationName(const SlimArguments& arguments);

}  // namespace cnnopt

#endif  // CNNOPT_JOB_CALIBRATION_H_
