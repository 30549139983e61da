// The library's jobs that change nothing.
#ifndef CNNOPT_API_LOOK_H_
#define CNNOPT_API_LOOK_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "job/options.h"

namespace cnnopt {

// A model by its path or, where that is empty, by its bytes.
struct ModelSource {
  std::string path;
  absl::string_view bytes;
};

// As `cnnopt inspect --json` and `cnnopt compare --json`. They may throw.
absl::StatusOr<std::string> RunInspect(const SlimArguments& arguments, const ModelSource& model);
absl::StatusOr<std::string> RunCompare(const SlimArguments& arguments, const ModelSource& a, const ModelSource& b);

}  // namespace cnnopt

#endif  // CNNOPT_API_LOOK_H_
