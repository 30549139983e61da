// Does a slim model compute what its algebra says? Slims a model, then builds a second one in which every replaced Conv
// keeps its node and gets the composed weights of its replacement, runs both in ONNX Runtime and prints how far their
// outputs are apart: rounding only, borders, strides and dilations included.
//
//   build/release/benchmarks/compose_agreement MODEL.onnx PASS RANK [INPUT:1,3,224,224 ...]
#include <cstdio>
#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "onnx_io/graph_view.h"
#include "onnx_io/model_file.h"
#include "onnx_io/rewrite.h"
#include "onnx_io/shapes.h"
#include "onnx_io/status_macros.h"
#include "passes/cleanup/cleanup.h"
#include "passes/conv.h"
#include "passes/selection.h"
#include "passes/site.h"
#include "runtime/compare.h"
#include "runtime/samples.h"
#include "runtime/session.h"

namespace cnnopt {
namespace {

struct Pair {
  onnx::ModelProto emitted, composed;
  int replaced = 0;
};

// Both versions of the model: each Conv the form applies to and pays for, at `rank` or the nearest rank it has.
absl::StatusOr<Pair> Build(const onnx::ModelProto& clean, const std::vector<FormChoice>& forms, int64_t rank) {
  CNNOPT_ASSIGN_OR_RETURN(const GraphView view, GraphView::Create(clean));
  const auto inputs = InputShapes(clean, {});
  const std::map<std::string, Shape> fixed = inputs.ok() ? InferShapes(clean, *inputs) : std::map<std::string, Shape>();
  std::vector<Rewrite> emitted, composed;
  std::vector<Site> sites = FindSites(view, {});
  ReadNumbers(view, OpsetVersion(clean), fixed, sites);
  for (const Site& site : sites) {
    if (!site.conv.has_value() || !forms.front().form->Applies(*site.conv).ok()) continue;
    const std::vector<RankError> candidates = forms.front().form->Candidates(*site.conv, {});
    if (candidates.empty()) continue;
    int64_t nearest = candidates.front().rank;
    for (const RankError& candidate : candidates) {
      if (std::abs(candidate.rank - rank) < std::abs(nearest - rank)) nearest = candidate.rank;
    }
    const onnx::NodeProto& node = *view.Producer(site.output);
    const onnx::TensorProto& like = *view.Constant(node.input(1));
    const Replacement replacement = forms.front().form->Fit(*site.conv, {}, nearest);
    CNNOPT_ASSIGN_OR_RETURN(emitted.emplace_back(), EmitReplacement(replacement, node, like, "slim"));
    CNNOPT_ASSIGN_OR_RETURN(composed.emplace_back(), EmitReplacement({{{Compose(replacement)}}}, node, like, "dense"));
  }
  Pair pair{clean, clean, static_cast<int>(emitted.size())};
  CNNOPT_RETURN_IF_ERROR(ApplyRewrites(std::move(emitted), pair.emitted));
  CNNOPT_RETURN_IF_ERROR(ApplyRewrites(std::move(composed), pair.composed));
  return pair;
}

absl::StatusOr<Outputs> RunOn(const std::shared_ptr<const OnnxRuntime>& runtime, const onnx::ModelProto& model,
                              const std::vector<Sample>& samples) {
  SessionOptions options;
  options.threads = 2;
  CNNOPT_ASSIGN_OR_RETURN(const Session session, Session::Create(runtime, model, options));
  return RunAll(session, samples);
}

absl::Status Run(const std::vector<std::string>& arguments) {
  int64_t rank = 0;
  if (arguments.size() < 3 || !absl::SimpleAtoi(arguments[2], &rank)) {
    return absl::InvalidArgumentError("expected MODEL.onnx PASS RANK [INPUT:1,3,224,224 ...]");
  }
  CNNOPT_ASSIGN_OR_RETURN(ModelFile file, ReadModel(arguments[0]));
  CNNOPT_ASSIGN_OR_RETURN(const Selection selection, SelectPasses({{arguments[1], std::nullopt}}, true));
  if (selection.forms.empty()) return absl::InvalidArgumentError("PASS is not a form");
  std::map<std::string, Shape> given;
  for (size_t i = 3; i < arguments.size(); ++i) {
    const size_t colon = arguments[i].rfind(':');
    Shape& shape = given[arguments[i].substr(0, colon)];
    for (const absl::string_view size : absl::StrSplit(arguments[i].substr(colon + 1), ',')) {
      if (!absl::SimpleAtoi(size, &shape.emplace_back())) return absl::InvalidArgumentError("bad shape");
    }
  }
  CNNOPT_ASSIGN_OR_RETURN(const auto shapes, InputShapes(file.proto, given));
  CNNOPT_ASSIGN_OR_RETURN(const std::vector<InputInfo> inputs, ModelInputs(file.proto, shapes));
  CNNOPT_ASSIGN_OR_RETURN(const std::vector<Sample> samples, SyntheticSamples(inputs, 2, 1));
  CNNOPT_RETURN_IF_ERROR(RunCleanup(file.proto, selection.cleanups, InputConstants::kOverridable).status());
  CNNOPT_ASSIGN_OR_RETURN(const Pair pair, Build(file.proto, selection.forms, rank));
  CNNOPT_ASSIGN_OR_RETURN(const std::shared_ptr<const OnnxRuntime> runtime, OnnxRuntime::Open());
  CNNOPT_ASSIGN_OR_RETURN(const Outputs emitted, RunOn(runtime, pair.emitted, samples));
  CNNOPT_ASSIGN_OR_RETURN(const Outputs composed, RunOn(runtime, pair.composed, samples));
  std::vector<std::string> names;
  for (const onnx::ValueInfoProto& output : file.proto.graph().output()) names.push_back(output.name());
  CNNOPT_ASSIGN_OR_RETURN(const Comparison comparison, Compare(names, composed, emitted));
  std::printf("%s: %d layers as %s, output of the emitted against the composed model: relative error %.2g, max %.2g\n",
              arguments[0].c_str(), pair.replaced, arguments[1].c_str(), comparison.relative_error, comparison.max_abs);
  return absl::OkStatus();
}

}  // namespace
}  // namespace cnnopt

int main(int argc, char** argv) {
  const absl::Status status = cnnopt::Run(std::vector<std::string>(argv + 1, argv + argc));
  if (!status.ok()) std::fprintf(stderr, "compose_agreement: %s\n", std::string(status.message()).c_str());
  return status.ok() ? 0 : 1;
}
