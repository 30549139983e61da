#include "passes/front_to_back.h"

#include <algorithm>

#include "gtest/gtest.h"
#include "onnx_io/borrow.h"
#include "tests/passes/small_network.h"
#include "tests/testing/slim_checks.h"

namespace cnnopt {
namespace {

constexpr int64_t kPlenty = int64_t{1} << 30;

// Two residual blocks, the first with a convolution in its shortcut, and a classifier.
onnx::ModelProto Residual() {
  return testing::RandomModel(R"(
      zero = Constant<value_float = 0.0>()  six = Constant<value_float = 6.0>()
      a = Conv<pads = [1,1,1,1]>(x, k1, b1)  ra = Relu(a)
      b = Conv<pads = [1,1,1,1]>(ra, k2)
      p = Conv(x, k3)
      s = Add(b, p)  r = Relu(s)
      c = Conv<pads = [1,1,1,1]>(r, k4)  rc = Clip(c, zero, six)
      d = Conv<pads = [1,1,1,1]>(rc, k5, b5)
      t = Add(r, d)  u = LeakyRelu(t)
      m = GlobalAveragePool(u)  f = Flatten(m)  y = Gemm(f, k6))",
                              {1, 32, 8, 8},
                              {{"k1", {32, 32, 3, 3}},
                               {"b1", {32}},
                               {"k2", {32, 32, 3, 3}},
                               {"k3", {32, 32, 1, 1}},
                               {"k4", {32, 32, 3, 3}},
                               {"k5", {32, 32, 3, 3}},
                               {"b5", {32}},
                               {"k6", {32, 10}}});
}

class FrontToBack : public ::testing::Test {
 protected:
  // Every site but the classifier at the candidate in the middle of its list.
  Plan MiddlePlan() const {
    Plan plan;
    for (const Proposal& proposal : network_.proposals)
      plan.push_back(static_cast<int>(proposal.candidates.size() / 2));
    plan.back() = 0;
    return plan;
  }
  onnx::ModelProto Refitted(const Plan& plan, int64_t cache_bytes, int threads) const {
    Workbench bench = network_.Bench();
    const RefitContext context{
        network_.model,           network_.view, network_.sites, {network_.fit, network_.reference.samples},
        network_.options.runtime, threads,       cache_bytes,    network_.progress};
    absl::StatusOr<onnx::ModelProto> slim = RefitFrontToBack(context, plan, bench);
    EXPECT_TRUE(slim.ok()) << slim.status();
    return slim.ok() ? *std::move(slim) : onnx::ModelProto();
  }
  double ErrorOf(const onnx::ModelProto& slim) const {
    return Measure(network_.reference, slim, network_.reference.samples.size())->relative_error;
  }

  testing::SmallNetwork network_{Residual()};
};

TEST_F(FrontToBack, LowersTheErrorOnHeldOutSamples) {
  const Plan plan = MiddlePlan();
  ASSERT_EQ(std::count(plan.begin(), plan.end(), 0), 1);
  const double before = network_.ErrorOf(plan), after = ErrorOf(Refitted(plan, kPlenty, 1));
  EXPECT_GT(before, 0.05);
  EXPECT_LT(after, 0.7 * before);
}

// Largest distance of two weights of the same name, relative to the weight.
double MostDistance(const onnx::ModelProto& a, const onnx::ModelProto& b) {
  EXPECT_EQ(a.graph().initializer_size(), b.graph().initializer_size());
  double most = 0;
  for (int i = 0; i < std::min(a.graph().initializer_size(), b.graph().initializer_size()); ++i) {
    const onnx::TensorProto &x = a.graph().initializer(i), &y = b.graph().initializer(i);
    EXPECT_EQ(x.name(), y.name());
    const std::vector<double> u = DecodeFloats(x).value(), v = DecodeFloats(y).value();
    if (u.size() != v.size()) return 1e300;
    const Eigen::Map<const Vector> p(u.data(), static_cast<Eigen::Index>(u.size())), q(v.data(), p.size());
    most = std::max(most, (p - q).norm() / std::max(q.norm(), 1e-30));
  }
  return most;
}

TEST_F(FrontToBack, ThreadsChangeNothing) {
  const Plan plan = MiddlePlan();
  for (const int64_t cache_bytes : {int64_t{0}, kPlenty}) {
    const std::string one = Refitted(plan, cache_bytes, 1).SerializeAsString();
    EXPECT_TRUE(Refitted(plan, cache_bytes, 2).SerializeAsString() == one);
  }
}

// ONNX Runtime rounds differently when it fuses other nodes, nothing else may differ. The shortcut's convolution comes
// after the layer whose sum it goes into, too: the walk may not remember what it gave before its own refit.
TEST_F(FrontToBack, TheCacheChangesRoundingOnly) {
  Plan plan = MiddlePlan();
  plan[3] = plan[4] = 0;  // descents over several stages magnify rounding
  const onnx::ModelProto expected = Refitted(plan, 0, 1);
  for (const int64_t cache_bytes : {kPlenty, int64_t{3} << 20}) {
    EXPECT_LT(MostDistance(Refitted(plan, cache_bytes, 1), expected), 1e-3);
  }
}

TEST_F(FrontToBack, KeepsEverythingInFrontOfTheFirstReplacedSite) {
  Plan plan(network_.sites.size(), 0);
  plan[3] = MiddlePlan()[3];
  const onnx::ModelProto slim = Refitted(plan, kPlenty, 1);
  const auto weight = [](const onnx::ModelProto& model, const std::string& name) -> std::string {
    for (const onnx::TensorProto& tensor : model.graph().initializer()) {
      if (tensor.name() == name) return RawData(tensor);
    }
    return "";
  };
  for (const char* name : {"k1", "b1", "k2", "k3"}) {
    EXPECT_NE(weight(slim, name), "") << name;
    EXPECT_EQ(weight(slim, name), weight(network_.model, name)) << name;
  }
  EXPECT_NE(weight(slim, "k6"), weight(network_.model, "k6"));  // kept as a layer, but refitted
  EXPECT_LT(ErrorOf(slim), 0.8 * network_.ErrorOf(plan));
}

}  // namespace
}  // namespace cnnopt
