#include "job/inspect_job.h"

#include <algorithm>
#include <map>
#include <string>

#include "job/exit_code.h"
#include "job/input_shapes.h"
#include "onnx_io/status_macros.h"

namespace cnnopt {
namespace {

// An input of another name than the models have in common would stop all of them: shapes go to the models that have
// such an input.
std::map<std::string, Shape> ShapesFor(const std::map<std::string, Shape>& shapes, const onnx::GraphProto& graph) {
  std::map<std::string, Shape> fitting;
  for (const auto& [name, shape] : shapes) {
    const auto is_input = [&wanted = name](const onnx::ValueInfoProto& input) { return input.name() == wanted; };
    if (name.empty() || std::any_of(graph.input().begin(), graph.input().end(), is_input)) fitting[name] = shape;
  }
  return fitting;
}

}  // namespace

absl::StatusOr<ModelFacts> InspectModel(const onnx::ModelProto& model, const SlimArguments& arguments,
                                        bool one_of_several) {
  InspectOptions options;
  const std::map<std::string, Shape> shapes =
      one_of_several ? ShapesFor(arguments.input_shapes, model.graph()) : arguments.input_shapes;
  CNNOPT_ASSIGN_OR_RETURN(options.input_shapes, From(Origin::kUsage, NamedShapes(shapes, model.graph())));
  options.passes = arguments.passes;
  options.cleanup = arguments.cleanup;
  options.assume_constant = arguments.assume_constant;
  options.factorise = arguments.forms;
  options.threads = arguments.threads;
  return From(Origin::kUsage, Inspect(model, options));
}

}  // namespace cnnopt
