#include "passes/choose.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "passes/assemble.h"
#include "tests/passes/small_network.h"

namespace cnnopt {
namespace {

using ::testing::HasSubstr;

TEST(BoundsOf, FallBackToTheDefaultsOnlyWithoutAnyBound) {
  SlimOptions options;
  EXPECT_EQ(BoundsOf(options, false).max_error, kDefaultMaxError);
  EXPECT_EQ(BoundsOf(options, true).max_error, kBudgetMaxError);
  options.target_size = FileSize{0.5, 0};
  EXPECT_EQ(BoundsOf(options, false).max_error, kBudgetMaxError);
  options.bounds.min_agreement = 0.9;
  EXPECT_EQ(BoundsOf(options, false).max_error, std::nullopt);
  EXPECT_EQ(BoundsOf(options, false).min_agreement, 0.9);
}

TEST(Objection, NamesTheBoundThatWasPassed) {
  Comparison comparison;
  comparison.relative_error = 0.1;
  comparison.top1_agreement = 0.9;
  comparison.top1_rows = 40;
  EXPECT_EQ(Objection(comparison, {0.1, 0.9}), "");
  EXPECT_EQ(Objection(comparison, {}), "");
  EXPECT_EQ(Objection(comparison, {0.05, 0.9}), "relative output error is 0.1, the bound is 0.05");
  EXPECT_EQ(Objection(comparison, {0.1, 0.95}), "top-1 agreement is 0.9 on 40 held-out samples, the bound is 0.95");
  comparison.top1_agreement = std::nullopt;
  EXPECT_NE(Objection(comparison, {std::nullopt, 0.5}), "");
  comparison.new_nonfinite = 1;
  EXPECT_THAT(Objection(comparison, {}), HasSubstr("no longer finite"));
}

class ChooseTest : public ::testing::Test {
 protected:
  testing::SmallNetwork network_{testing::TwoBranches()};
  Workbench bench_ = network_.Bench();

  Chosen Run() {
    absl::StatusOr<Chosen> chosen = Choose(network_.Context(), bench_);
    EXPECT_TRUE(chosen.ok()) << chosen.status();
    return chosen.ok() ? *std::move(chosen) : Chosen();
  }
  int64_t MacsOf(const Plan& plan) const { return PlanCost(network_.AllMacs(), plan); }
};

TEST_F(ChooseTest, KeepsEverythingWhenTheBudgetsHoldAlready) {
  network_.options.target_macs = network_.options.target_params = 1;
  EXPECT_EQ(Run().plan, Plan({0, 0}));
}

TEST_F(ChooseTest, EveryBudgetOfSeveralHolds) {
  network_.options.target_macs = 0.7;
  network_.options.target_params = 0.6;
  network_.options.target_size = FileSize{0.9, 0};
  const Chosen chosen = Run();
  EXPECT_EQ(chosen.refusal, "");
  const onnx::ModelProto slim = *bench_.Build(chosen.plan);
  EXPECT_LE(MacsOf(chosen.plan), *network_.original.macs * 7 / 10);
  EXPECT_LE(TotalParameters(slim.graph()), network_.original.params * 6 / 10);
  EXPECT_LE(static_cast<int64_t>(slim.ByteSizeLong()), network_.original.bytes * 9 / 10);
}

TEST_F(ChooseTest, ASizeThatOnlyTheBuiltModelShowsIsMet) {
  // Candidates are priced by their parameters: here every replaced layer takes 2 kB that no price tells of.
  network_.options.file_bytes = [](const onnx::ModelProto& model) {
    return static_cast<int64_t>(model.ByteSizeLong()) + 2000 * (model.graph().node_size() - 3);
  };
  network_.options.target_size = FileSize{0, network_.original.bytes * 9 / 10};
  const Chosen chosen = Run();
  EXPECT_EQ(chosen.refusal, "");
  EXPECT_LE(*network_.options.file_bytes(*bench_.Build(chosen.plan)), network_.original.bytes * 9 / 10);
}

TEST_F(ChooseTest, RefusesWithTheLeastThereIs) {
  network_.options.target_macs = 0.9;
  network_.options.target_params = 0.001;
  EXPECT_THAT(Run().refusal, ::testing::StartsWith("target-params 0.001 cannot be reached: the least that these passes "
                                                   "could give is 0."));
}

TEST_F(ChooseTest, UnderABoundTheResultHoldsItAndTheNextPlanDoesNot) {
  network_.options.bounds.max_error = 0.3;
  const Chosen chosen = Run();
  EXPECT_LT(MacsOf(chosen.plan), *network_.original.macs);
  EXPECT_LE(network_.ErrorOf(chosen.plan), 0.3);
  const std::vector<Step> path = LagrangianPath(chosen.choices);
  ASSERT_LT(chosen.steps, path.size());
  EXPECT_GT(network_.ErrorOf(PlanAt(chosen.choices, path, chosen.steps + 1)), 0.3);
}

TEST_F(ChooseTest, WithoutMacsABoundCountsParameters) {
  for (Site& site : network_.sites) site.macs = std::nullopt;
  for (Proposal& proposal : network_.proposals) {
    for (Candidate& candidate : proposal.candidates) candidate.macs = std::nullopt;
  }
  network_.original.macs = std::nullopt;
  network_.options.bounds.max_error = 0.3;
  const Chosen chosen = Run();
  EXPECT_EQ(chosen.choices[0][0].cost, network_.sites[0].params);
  EXPECT_LT(TotalParameters(bench_.Build(chosen.plan)->graph()), network_.original.params);
  network_.options.target_macs = 0.5;
  EXPECT_THAT(std::string(Choose(network_.Context(), bench_).status().message()),
              HasSubstr("give --target-params or --target-size instead"));
}

TEST_F(ChooseTest, ARefitLetsABoundGoFurther) {
  const AssembleContext assembly{
      network_.model,      network_.view,    network_.sites,   {network_.fit, network_.reference.samples},
      &network_.reference, network_.options, network_.progress};
  int further = 0;
  for (const double bound : {0.25, 0.3, 0.35}) {
    network_.options.bounds.max_error = bound;
    Chosen chosen = Run();
    const Plan first = chosen.plan;
    absl::StatusOr<Assembled> slim = Assemble(assembly, chosen, bench_);
    ASSERT_TRUE(slim.ok()) << slim.status();
    EXPECT_LE(slim->comparison->relative_error, slim->plain->relative_error);
    EXPECT_NEAR(slim->plain->relative_error, network_.ErrorOf(first), 1e-9);  // nothing refitted has crept in
    ASSERT_TRUE(GoFurther(assembly, bench_, chosen, *slim).ok());
    const absl::StatusOr<Comparison> measured = Measure(network_.reference, slim->model, 4);
    EXPECT_EQ(measured->relative_error, slim->comparison->relative_error);
    EXPECT_LE(measured->relative_error, bound);
    EXPECT_LE(MacsOf(chosen.plan), MacsOf(first));
    if (MacsOf(chosen.plan) == MacsOf(first)) continue;
    ++further;
    EXPECT_TRUE(slim->refitted);
    EXPECT_GT(slim->plain->relative_error, bound);  // out of reach without the refit
  }
  EXPECT_GE(further, 2);
}

}  // namespace
}  // namespace cnnopt
