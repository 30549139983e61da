// Whether the options of a job agree with each other.
#ifndef CNNOPT_PASSES_CHECK_OPTIONS_H_
#define CNNOPT_PASSES_CHECK_OPTIONS_H_

#include "absl/status/status.h"
#include "passes/selection.h"
#include "passes/slim.h"

namespace cnnopt {

// Errors: InvalidArgument (a number out of range, options that contradict each other), FailedPrecondition (something
// must be measured but there is no runtime).
absl::Status CheckOptions(const SlimOptions& options, const Selection& selection);

}  // namespace cnnopt

#endif  // CNNOPT_PASSES_CHECK_OPTIONS_H_
