#include "api/look.h"

#include <utility>

#include "api/guard.h"
#include "api/slim.h"
#include "cnnopt/cnnopt.h"
#include "job/compare_job.h"
#include "job/exit_code.h"
#include "job/inspect_job.h"
#include "onnx_io/model_file.h"
#include "onnx_io/status_macros.h"
#include "report/inspect_json.h"

namespace cnnopt {
namespace {

absl::StatusOr<ModelFile> Read(const ModelSource& model, const Limits& limits) {
  return model.path.empty() ? ReadModelBytes(model.bytes, limits) : ReadModel(model.path, limits);
}

absl::StatusOr<std::string> GuardedInspect(const Options& options, const ModelSource& model) {
  return Guarded([&]() -> absl::StatusOr<std::string> {
    CNNOPT_ASSIGN_OR_RETURN(const SlimArguments arguments, ArgumentsOf(options));
    return RunInspect(arguments, model);
  });
}

absl::StatusOr<std::string> GuardedCompare(const Options& options, const ModelSource& a, const ModelSource& b) {
  return Guarded([&]() -> absl::StatusOr<std::string> {
    CNNOPT_ASSIGN_OR_RETURN(const SlimArguments arguments, ArgumentsOf(options));
    return RunCompare(arguments, a, b);
  });
}

}  // namespace

absl::StatusOr<std::string> RunInspect(const SlimArguments& arguments, const ModelSource& model) {
  CNNOPT_ASSIGN_OR_RETURN(const ModelFile file, From(Origin::kInput, Read(model, arguments.limits)));
  CNNOPT_ASSIGN_OR_RETURN(ModelFacts facts, InspectModel(file.proto, arguments, /*one_of_several=*/false));
  InspectedModels models;
  models.emplace_back(model.path, std::move(facts));
  return InspectJson(models);
}

absl::StatusOr<std::string> RunCompare(const SlimArguments& arguments, const ModelSource& a, const ModelSource& b) {
  const auto read = [&]() -> absl::StatusOr<std::pair<ModelFile, ModelFile>> {
    std::pair<ModelFile, ModelFile> both;
    CNNOPT_ASSIGN_OR_RETURN(both.first, Read(a, arguments.limits));
    CNNOPT_ASSIGN_OR_RETURN(both.second, Read(b, arguments.limits));
    return both;
  };
  CNNOPT_ASSIGN_OR_RETURN(const ComparedModels models, CompareModels(arguments, a.path, b.path, read));
  return CompareJson(models);
}

absl::StatusOr<std::string> InspectFile(const std::string& path, const Options& options) {
  return GuardedInspect(options, {path, {}});
}

absl::StatusOr<std::string> InspectBytes(absl::string_view model, const Options& options) {
  return GuardedInspect(options, {"", model});
}

absl::StatusOr<std::string> CompareFiles(const std::string& a, const std::string& b, const Options& options) {
  return GuardedCompare(options, {a, {}}, {b, {}});
}

absl::StatusOr<std::string> CompareBytes(absl::string_view a, absl::string_view b, const Options& options) {
  return GuardedCompare(options, {"", a}, {"", b});
}

}  // namespace cnnopt
