#include "passes/last_stages.h"

#include <utility>

#include "passes/forms/cp_factors.h"
#include "passes/matrix_product.h"

namespace cnnopt {
namespace {

// What the last stage of a branch sees of a patch: one row per input channel and tap of that stage.
Matrix BranchFeatures(const std::vector<Conv>& branch) {
  if (IsCpChain(branch)) return CpFeatures(FactorsOf(branch));
  Conv select = branch.back();
  select.out_channels = select.in_channels * select.taps();
  select.weight = Matrix::Identity(select.out_channels, select.out_channels);
  select.bias = Vector();
  std::vector<Conv> chain(branch.begin(), branch.end() - 1);
  chain.push_back(std::move(select));
  return Compose({{std::move(chain)}}).weight;
}

}  // namespace

bool LastStagesAreDense(const Replacement& replacement) {
  for (const std::vector<Conv>& branch : replacement.branches) {
    if (branch.back().groups != 1) return false;
  }
  return true;
}

LastStages::LastStages(const Replacement& replacement) : replacement_(replacement) {
  if (replacement.branches.size() == 1 && replacement.branches.front().size() == 1) return;
  Eigen::Index rows = 0;
  std::vector<Matrix> features;
  for (const std::vector<Conv>& branch : replacement.branches) {
    features.push_back(BranchFeatures(branch));
    rows += features.back().rows();
  }
  features_.resize(rows, features.front().cols());
  Eigen::Index at = 0;
  for (const Matrix& branch : features) {
    features_.middleRows(at, branch.rows()) = branch;
    at += branch.rows();
  }
}

Matrix LastStages::weight() const {
  Eigen::Index columns = 0;
  for (const std::vector<Conv>& branch : replacement_.branches) columns += branch.back().weight.cols();
  Matrix weight(replacement_.branches.front().back().weight.rows(), columns);
  Eigen::Index at = 0;
  for (const std::vector<Conv>& branch : replacement_.branches) {
    const Matrix& stage = branch.back().weight;
    weight.middleCols(at, stage.cols()) = stage;
    at += stage.cols();
  }
  return weight;
}

Matrix LastStages::TimesFeatures(const Matrix& rows) const {
  return features_.size() == 0 ? rows : Matrix(rows * features_.transpose());
}

MatrixF LastStages::Features(const MatrixF& patches) const {
  return features_.size() == 0 ? patches : MatrixF(patches * features_.cast<float>().transpose());
}

Matrix LastStages::Gram(const Matrix& covariance, int threads) const {
  if (features_.size() == 0) return covariance;
  return Product(features_, covariance, threads) * features_.transpose();
}

Matrix LastStages::FeatureGram() const {
  if (features_.size() > 0) return features_ * features_.transpose();
  const Conv& only = replacement_.branches.front().front();
  return Matrix::Identity(only.weight.cols(), only.weight.cols());
}

Replacement LastStages::With(const Matrix& weight) const {
  Replacement changed = replacement_;
  Eigen::Index at = 0;
  for (std::vector<Conv>& branch : changed.branches) {
    Matrix& stage = branch.back().weight;
    stage = weight.middleCols(at, stage.cols());
    at += stage.cols();
  }
  return changed;
}

}  // namespace cnnopt
