#include <exception>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "google/protobuf/repeated_field.h"
#include "onnx/checker.h"
#include "onnx/defs/schema.h"
#include "onnx_io/graph_view.h"
#include "onnx_io/quote.h"
#include "onnx_io/status_macros.h"
#include "onnx_io/validate.h"

namespace cnnopt {
namespace {

using Nodes = google::protobuf::RepeatedPtrField<onnx::NodeProto>;
using Versions = absl::flat_hash_map<std::string, int>;  // of operator sets, by domain

std::string Normal(const std::string& domain) { return domain == "ai.onnx" ? "" : domain; }

// The operator sets in `imports` that this onnx knows up to that version.
template <typename Imports>
Versions KnownVersions(const Imports& imports) {
  const auto& ranges = onnx::OpSchemaRegistry::DomainToVersionRange::Instance().Map();
  Versions versions;
  for (const onnx::OperatorSetIdProto& opset : imports) {
    const auto range = ranges.find(Normal(opset.domain()));
    if (range != ranges.end() && opset.version() <= range->second.second) {
      versions[range->first] = static_cast<int>(opset.version());
    }
  }
  return versions;
}

class SchemaCheck {
 public:
  explicit SchemaCheck(const onnx::ModelProto& model) {
    for (const onnx::FunctionProto& function : model.functions()) {
      functions_.insert(Key(function.domain(), function.name()));
    }
  }

  absl::Status Check(const Nodes& nodes, const Versions& versions) const {
    for (const onnx::NodeProto& node : nodes) {
      CNNOPT_RETURN_IF_ERROR(CheckNode(node, versions));
      for (const onnx::AttributeProto& attribute : node.attribute()) {
        CNNOPT_RETURN_IF_ERROR(Check(attribute.g().node(), versions));
        for (const onnx::GraphProto& graph : attribute.graphs()) {
          CNNOPT_RETURN_IF_ERROR(Check(graph.node(), versions));
        }
      }
    }
    return absl::OkStatus();
  }

 private:
  static std::string Key(const std::string& domain, const std::string& name) {
    return absl::StrCat(Normal(domain), absl::string_view("\0", 1), name);
  }

  absl::Status CheckNode(const onnx::NodeProto& node, const Versions& versions) const {
    const auto version = versions.find(Normal(node.domain()));
    if (version == versions.end() || onnx::checker::check_is_experimental_op(node) ||
        functions_.contains(Key(node.domain(), node.op_type()))) {
      return absl::OkStatus();
    }
    const onnx::OpSchema* schema = onnx::OpSchemaRegistry::Schema(node.op_type(), version->second, version->first);
    // Unknown and withdrawn operators are the business of whoever runs the model; some engines have them.
    if (schema == nullptr || schema->Deprecated()) {
      return absl::OkStatus();
    }
    try {
      schema->Verify(node);
    } catch (const std::exception& error) {
      return absl::InvalidArgumentError(absl::StrCat(Describe(node), ": ", OneLine(error.what())));
    }
    return absl::OkStatus();
  }

  absl::flat_hash_set<std::string> functions_;
};

}  // namespace

absl::Status CheckWithOnnx(const onnx::ModelProto& model) {
  if (model.ir_version() > onnx::IR_VERSION) {
    return absl::OkStatus();
  }
  const SchemaCheck check(model);
  Versions versions = KnownVersions(model.opset_import());
  if (model.opset_import().empty()) {
    versions[""] = 1;  // before IR 3 there was nothing else
  }
  CNNOPT_RETURN_IF_ERROR(check.Check(model.graph().node(), versions));
  for (const onnx::FunctionProto& function : model.functions()) {
    CNNOPT_RETURN_IF_ERROR(check.Check(function.node(), KnownVersions(function.opset_import())));
  }
  return absl::OkStatus();
}

}  // namespace cnnopt
