// What a slim job starts with: the model, the samples and the options, read as the flags say.
#ifndef CNNOPT_JOB_PREPARE_H_
#define CNNOPT_JOB_PREPARE_H_

#include <functional>
#include <string>

#include "absl/status/statusor.h"
#include "job/options.h"
#include "job/score.h"
#include "onnx_io/model_file.h"
#include "passes/slim.h"
#include "report/json.h"

namespace cnnopt {

struct Prepared {
  SlimArguments arguments;
  ModelFile file;
  SlimOptions options;
  ReportContext context;
  Score score;  // null: there is none
};

// A model and what its file, or its bytes, look like from outside.
struct GivenModel {
  ModelFile file;
  FileFacts facts;
};
// The model at `arguments.in`. Errors carry their origin, see exit_code.h.
absl::StatusOr<GivenModel> ReadGivenModel(const SlimArguments& arguments);

// Reads all but the model, which `model` gives once the flags are known to make sense. Prints nothing, and reads no
// file that `arguments` do not name. Errors carry their origin.
absl::StatusOr<Prepared> Prepare(const SlimArguments& arguments,
                                 const std::function<absl::StatusOr<GivenModel>()>& model);

}  // namespace cnnopt

#endif  // CNNOPT_JOB_PREPARE_H_
