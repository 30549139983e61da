#include "job/input_shapes.h"

#include <utility>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"

namespace cnnopt {
namespace {

// The names of the inputs a caller must feed.
std::vector<std::string> RequiredInputs(const onnx::GraphProto& graph) {
  absl::flat_hash_set<absl::string_view> weights;
  for (const onnx::TensorProto& tensor : graph.initializer()) weights.insert(tensor.name());
  std::vector<std::string> names;
  for (const onnx::ValueInfoProto& input : graph.input()) {
    if (!weights.contains(input.name())) names.push_back(input.name());
  }
  return names;
}

}  // namespace

absl::StatusOr<std::map<std::string, Shape>> NamedShapes(std::map<std::string, Shape> shapes,
                                                         const onnx::GraphProto& graph) {
  auto nameless = shapes.extract("");
  if (nameless.empty()) {
    return shapes;
  }
  const std::vector<std::string> inputs = RequiredInputs(graph);
  const std::string flag = absl::StrCat("--input-shape=", absl::StrJoin(nameless.mapped(), ","));
  if (inputs.size() != 1) {
    return absl::InvalidArgumentError(
        absl::StrCat(flag, ": the model has ", inputs.size(), " inputs, name one: ", absl::StrJoin(inputs, ", ")));
  }
  nameless.key() = inputs[0];
  if (!shapes.insert(std::move(nameless)).inserted) {
    return absl::InvalidArgumentError(absl::StrCat(flag, ": a shape of input '", inputs[0], "' is given twice"));
  }
  return shapes;
}

}  // namespace cnnopt
