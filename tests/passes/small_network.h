// A network with two layers, one of which matters far more, and everything the passes keep about one.
#ifndef CNNOPT_TESTS_PASSES_SMALL_NETWORK_H_
#define CNNOPT_TESTS_PASSES_SMALL_NETWORK_H_

#include <random>
#include <string>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "onnx_io/graph_view.h"
#include "onnx_io/shapes.h"
#include "passes/choose.h"
#include "passes/observe_moments.h"
#include "passes/propose.h"
#include "passes/workbench.h"
#include "runtime/samples.h"
#include "tests/testing/convolution.h"
#include "tests/testing/model.h"

namespace cnnopt::testing {

// y = strong(x) + weak(x), both 3x3 32 -> 32 Convs; the second one's weights are a hundredth of the first one's.
inline onnx::ModelProto TwoBranches() {
  std::mt19937 random(5);
  onnx::ModelProto model = ModelFromText(
      R"(<ir_version: 8, opset_import: ["" : 17]> g (float[1,32,8,8] x) => (float[1,32,8,8] y) {
           a = Conv<pads = [1,1,1,1]>(x, strong)
           b = Conv<pads = [1,1,1,1]>(x, weak)
           y = Add(a, b)
         })");
  onnx::TensorProto like;
  like.set_data_type(onnx::TensorProto::FLOAT);
  for (const auto& [name, scale] : {std::pair("strong", 1.0), std::pair("weak", 0.01)}) {
    const Matrix values = RandomMatrix(random, int64_t{32} * 32 * 9, 1) * scale;
    const absl::Span<const double> span(values.data(), static_cast<size_t>(values.size()));
    *model.mutable_graph()->add_initializer() = *EncodeFloats(name, {32, 32, 3, 3}, span, like);
  }
  return model;
}

struct SmallNetwork {
  explicit SmallNetwork(onnx::ModelProto network) : model(std::move(network)) {
    const std::map<std::string, Shape> shapes = InferShapes(model, {{"x", {1, 32, 8, 8}}});
    sites = FindSites(view, shapes);
    ReadNumbers(view, OpsetVersion(model), shapes, sites);
    SiteForms forms;
    for (const Form* form : AllForms()) forms.forms.push_back({form, std::nullopt});
    moments.resize(sites.size());
    proposals = Propose(sites, std::vector<SiteForms>(sites.size(), forms), moments, 1, [] {});
    const absl::StatusOr<std::vector<InputInfo>> inputs = ModelInputs(model, {{"x", {1, 32, 8, 8}}});
    EXPECT_TRUE(inputs.ok()) << inputs.status();
    const absl::StatusOr<std::vector<Sample>> samples = SyntheticSamples(*inputs, 64, 1);
    EXPECT_TRUE(samples.ok()) << samples.status();
    fit.assign(samples->begin(), samples->begin() + 60);
    reference = *MakeReference(TestRuntime(), model, std::vector<Sample>(samples->begin() + 60, samples->end()), 1);
    original = {TotalMacs(sites), TotalParameters(model.graph()), static_cast<int64_t>(model.ByteSizeLong())};
    options.runtime = TestRuntime();
    options.threads = 1;
  }
  SmallNetwork(const SmallNetwork&) = delete;
  SmallNetwork& operator=(const SmallNetwork&) = delete;

  Workbench Bench() const { return Workbench(model, view, sites, proposals, moments, 1); }
  ChooseContext Context() const {
    return {{options, original, sites, proposals, model, view, model, &reference, progress, false}, false};
  }
  // Squared errors of the layers themselves, as if all mattered alike.
  std::vector<std::vector<double>> LayerErrors() const {
    std::vector<std::vector<double>> errors;
    for (const Proposal& proposal : proposals) {
      errors.emplace_back();
      for (const Candidate& candidate : proposal.candidates) errors.back().push_back(candidate.error * candidate.error);
    }
    return errors;
  }
  Costs AllMacs() const {
    Costs costs;
    for (const Proposal& proposal : proposals) {
      costs.emplace_back();
      for (const Candidate& candidate : proposal.candidates) costs.back().push_back(*candidate.macs);
    }
    return costs;
  }
  double ErrorOf(const Plan& plan) const {
    Workbench bench = Bench();
    return Measure(reference, *bench.Build(plan), reference.samples.size())->relative_error;
  }

  onnx::ModelProto model;
  GraphView view = *GraphView::Create(model);
  std::vector<Site> sites;
  std::vector<std::vector<Moments>> moments;
  std::vector<Proposal> proposals;
  std::vector<Sample> fit;  // others than the reference's
  Reference reference;
  Totals original;
  SlimOptions options;
  ProgressSink progress;
};

}  // namespace cnnopt::testing

#endif  // CNNOPT_TESTS_PASSES_SMALL_NETWORK_H_
