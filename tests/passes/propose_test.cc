#include "passes/propose.h"

#include "gtest/gtest.h"
#include "tests/passes/small_network.h"

namespace cnnopt {
namespace {

// The proposals for TwoBranches, its input declared as [1, 32, size, size], its Convs with `stride`.
std::vector<Proposal> ProposeAt(int64_t size, int64_t stride) {
  onnx::ModelProto model = testing::TwoBranches();
  for (onnx::NodeProto& node : *model.mutable_graph()->mutable_node()) {
    if (node.op_type() != "Conv") continue;
    onnx::AttributeProto& strides = *node.add_attribute();
    strides.set_name("strides");
    strides.set_type(onnx::AttributeProto::INTS);
    strides.add_ints(stride);
    strides.add_ints(stride);
  }
  onnx::TensorShapeProto& shape =
      *model.mutable_graph()->mutable_input(0)->mutable_type()->mutable_tensor_type()->mutable_shape();
  for (int axis : {2, 3}) shape.mutable_dim(axis)->set_dim_value(size);
  model.mutable_graph()->mutable_output(0)->mutable_type()->mutable_tensor_type()->clear_shape();
  const std::map<std::string, Shape> shapes = InferShapes(model, {});
  const absl::StatusOr<GraphView> view = GraphView::Create(model);
  EXPECT_TRUE(view.ok()) << view.status();
  std::vector<Site> sites = FindSites(*view, shapes);
  ReadNumbers(*view, 17, shapes, sites);
  SiteForms forms;
  for (const Form* form : AllForms()) forms.forms.push_back({form, std::nullopt});
  return Propose(sites, std::vector<SiteForms>(sites.size(), forms), std::vector<std::vector<Moments>>(sites.size()), 1,
                 [] {});
}

TEST(Propose, EveryCandidateHasAnEffortWhereMacsAreKnown) {
  for (const Proposal& proposal : ProposeAt(8, 1)) {
    EXPECT_GT(proposal.candidates.size(), 1);
    for (const Candidate& candidate : proposal.candidates) {
      ASSERT_TRUE(candidate.macs.has_value());
      ASSERT_TRUE(candidate.effort.has_value());
      EXPECT_GT(*candidate.effort, *candidate.macs);
    }
  }
}

// Few multiplications, but an input that no machine could hold: sums of such efforts would overflow.
TEST(Propose, AnEffortThatNoMachineCouldSpendIsUnknown) {
  for (const Proposal& proposal : ProposeAt(int64_t{1} << 22, int64_t{1} << 18)) {
    EXPECT_TRUE(proposal.candidates.front().macs.has_value());
    EXPECT_FALSE(proposal.candidates.front().effort.has_value());
  }
}

}  // namespace
}  // namespace cnnopt
