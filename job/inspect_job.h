// The job of `cnnopt inspect`.
#ifndef CNNOPT_JOB_INSPECT_JOB_H_
#define CNNOPT_JOB_INSPECT_JOB_H_

#include "absl/status/statusor.h"
#include "job/options.h"
#include "onnx/onnx_pb.h"
#include "passes/inspect.h"

namespace cnnopt {

// What `model` is made of. Where it is one of several, the shapes of inputs that it has not are none of its business.
// Errors carry their origin, see exit_code.h.
absl::StatusOr<ModelFacts> InspectModel(const onnx::ModelProto& model, const SlimArguments& arguments,
                                        bool one_of_several);

}  // namespace cnnopt

#endif  // CNNOPT_JOB_INSPECT_JOB_H_
