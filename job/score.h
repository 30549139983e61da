// The user's own score of a model: what a command prints, or top-1 on labelled samples.
#ifndef CNNOPT_JOB_SCORE_H_
#define CNNOPT_JOB_SCORE_H_

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "job/options.h"
#include "onnx/onnx_pb.h"
#include "runtime/samples.h"
#include "runtime/session.h"

namespace cnnopt {

using Score = std::function<absl::StatusOr<double>(const onnx::ModelProto& model)>;

// The last number in `text`, "top-1: 71.4 %" gives 71.4; nullopt when there is none.
std::optional<double> LastNumber(const std::string& text);

// Writes the model to a folder of its own, runs `command` with {model} replaced by its path, and takes the last number
// that it prints. Errors name the command: FailedPrecondition (it failed, took longer than `seconds`, or printed no
// number).
Score CommandScore(const std::string& command, double seconds);

// Percent of right top-1 among the samples of `calibration` that `used` does not hold, with the labels of
// `labels`, which `arguments.labels` holds. Errors: InvalidArgument when labels and samples do not fit together.
absl::StatusOr<Score> LabelScore(const SlimArguments& arguments, const std::vector<int64_t>& labels,
                                 const SampleFiles& calibration, const std::vector<InputInfo>& inputs,
                                 const SampleSet& used, std::shared_ptr<const OnnxRuntime> runtime);

}  // namespace cnnopt

#endif  // CNNOPT_JOB_SCORE_H_
