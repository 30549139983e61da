// What a job leaves on disk: OUT, the plan and the reports.
#ifndef CNNOPT_JOB_OUTPUT_FILES_H_
#define CNNOPT_JOB_OUTPUT_FILES_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "job/options.h"
#include "onnx_io/model_file.h"
#include "report/json.h"

namespace cnnopt {

// Errors carry their origin, see exit_code.h, where these functions can tell it.

// Records how the model came to be, in place of what an earlier run recorded. Nothing here differs between two runs
// of the same command on the same input.
void AddProvenance(const ReportContext& context, onnx::ModelProto& model);

absl::StatusOr<FileFacts> DescribeFile(const std::string& path);

// Options that a plan does not replace, as CanonicalOptions gives them.
std::vector<std::string> PlanSettings(SlimArguments arguments, const ReportContext& context);

// Bytes of OUT and its data file when `model` is written as the flags say.
absl::StatusOr<int64_t> OutputBytes(const SlimArguments& arguments, const ModelFile& file, const ReportContext& context,
                                    onnx::ModelProto model);

// Stages OUT as the verdict and the flags ask for, and notes in `context` what will stand there. `file` is the slim
// model, or the input when it is unchanged.
absl::Status StageOutput(const SlimArguments& arguments, const SlimReport& report, ModelFile& file, StagedFiles& files,
                         ReportContext& context);
// Stages the plan and the reports that the flags ask for.
absl::Status StageAccounts(const SlimArguments& arguments, const SlimReport& report, const ReportContext& context,
                           StagedFiles& files);

}  // namespace cnnopt

#endif  // CNNOPT_JOB_OUTPUT_FILES_H_
