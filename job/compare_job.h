// The job of `cnnopt compare`.
#ifndef CNNOPT_JOB_COMPARE_JOB_H_
#define CNNOPT_JOB_COMPARE_JOB_H_

#include <functional>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "job/options.h"
#include "onnx_io/model_file.h"
#include "report/compare_json.h"

namespace cnnopt {

// Runs both models, which `read` gives once ONNX Runtime is open, on the same samples. `a` and `b` are what they are
// called. Errors carry their origin, see exit_code.h.
absl::StatusOr<ComparedModels> CompareModels(
    const SlimArguments& arguments, const std::string& a, const std::string& b,
    const std::function<absl::StatusOr<std::pair<ModelFile, ModelFile>>()>& read);

}  // namespace cnnopt

#endif  // CNNOPT_JOB_COMPARE_JOB_H_
