#include "runtime/compare.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "onnx_io/status_macros.h"
#include "onnx_io/tensor.h"

namespace cnnopt {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// What one output adds up to over all samples.
struct Sums {
  double aa = 0, bb = 0, ab = 0;  // inner products
  double difference = 0;          // |b - a|^2
  double max_abs = 0;
  int64_t new_nonfinite = 0;
  int64_t rows = 0;      // of classifier outputs
  int64_t agreeing = 0;  // rows with the same largest element
};

void AddElements(const std::vector<double>& a, const std::vector<double>& b, Sums& sums) {
  for (size_t i = 0; i < a.size(); ++i) {
    if (!std::isfinite(a[i])) {
      continue;
    }
    if (!std::isfinite(b[i])) {
      ++sums.new_nonfinite;
      continue;
    }
    const double difference = b[i] - a[i];
    sums.aa += a[i] * a[i];
    sums.bb += b[i] * b[i];
    sums.ab += a[i] * b[i];
    sums.difference += difference * difference;
    sums.max_abs = std::max(sums.max_abs, std::abs(difference));
  }
}

// The place of the largest element, the first of equals; -1 when all are NaN.
int64_t LargestAt(const double* row, int64_t classes) {
  int64_t best = -1;
  for (int64_t i = 0; i < classes; ++i) {
    if (!std::isnan(row[i]) && (best < 0 || row[i] > row[best])) {
      best = i;
    }
  }
  return best;
}

void AddRows(const std::vector<double>& a, const std::vector<double>& b, int64_t classes, Sums& sums) {
  for (size_t row = 0; row < a.size(); row += static_cast<size_t>(classes)) {
    ++sums.rows;
    sums.agreeing += LargestAt(&a[row], classes) == LargestAt(&b[row], classes) ? 1 : 0;
  }
}

std::string TypeText(const Tensor& tensor) {
  return absl::StrCat("data type ", tensor.data_type, " [", absl::StrJoin(tensor.shape, ","), "]");
}

double RelativeError(const Sums& sums) {
  if (sums.max_abs == 0) {
    return 0;
  }
  const double error = std::sqrt(sums.difference) / (sums.aa > 0 ? std::sqrt(sums.aa) : 1);
  return std::isnan(error) ? kInfinity : error;  // squares overflowed
}

// One output, or one sample of it: an element that is no longer finite makes it infinite.
double ErrorOf(const Sums& sums) { return sums.new_nonfinite > 0 ? kInfinity : RelativeError(sums); }

// Adds both tensors to `sums`, and makes `worst` the sample's own error if that is larger.
absl::Status AddSample(const Tensor& a, const Tensor& b, Sums& sums, double& worst) {
  if (a.data_type != b.data_type || a.shape != b.shape) {
    return absl::InvalidArgumentError(absl::StrCat("expected ", TypeText(a), ", found ", TypeText(b)));
  }
  CNNOPT_ASSIGN_OR_RETURN(const std::vector<double> a_values, ToDoubles(a));
  CNNOPT_ASSIGN_OR_RETURN(const std::vector<double> b_values, ToDoubles(b));
  AddElements(a_values, b_values, sums);
  Sums alone;  // apart, as sums of sums would round otherwise than one long sum
  AddElements(a_values, b_values, alone);
  worst = std::max(worst, ErrorOf(alone));
  if (IsFloating(a.data_type) && a.shape.size() == 2 && a.shape[1] >= 2) {
    AddRows(a_values, b_values, a.shape[1], sums);
  }
  return absl::OkStatus();
}

double Cosine(const Sums& sums) {
  if (sums.max_abs == 0) {
    return 1;
  }
  const double norms = std::sqrt(sums.aa) * std::sqrt(sums.bb);
  const double cosine = norms > 0 ? sums.ab / norms : 0;
  return std::isnan(cosine) ? 0 : std::clamp(cosine, -1.0, 1.0);
}

OutputComparison Summarise(const std::string& name, const Sums& sums) {
  OutputComparison result;
  result.name = name;
  result.new_nonfinite = sums.new_nonfinite;
  const bool broken = sums.new_nonfinite > 0;
  result.relative_error = ErrorOf(sums);
  result.max_abs = broken ? kInfinity : sums.max_abs;
  result.cosine = Cosine(sums);
  if (sums.rows > 0) {
    result.top1_agreement = static_cast<double>(sums.agreeing) / static_cast<double>(sums.rows);
    result.top1_rows = sums.rows;
  }
  return result;
}

absl::Status CheckCounts(const std::vector<std::string>& names, const Outputs& a, const Outputs& b) {
  if (a.empty()) {
    return absl::InvalidArgumentError("no samples to compare");
  }
  if (a.size() != b.size()) {
    return absl::InvalidArgumentError(absl::StrCat("expected outputs of ", a.size(), " samples, found ", b.size()));
  }
  for (const Outputs* outputs : {&a, &b}) {
    for (const std::vector<Tensor>& sample : *outputs) {
      if (sample.size() != names.size()) {
        return absl::InvalidArgumentError(absl::StrCat("expected ", names.size(), " outputs, found ", sample.size()));
      }
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::optional<std::vector<int64_t>>> Top1(const Tensor& tensor) {
  if (!IsFloating(tensor.data_type) || tensor.shape.size() != 2 || tensor.shape[1] < 2) return std::nullopt;
  CNNOPT_ASSIGN_OR_RETURN(const std::vector<double> values, ToDoubles(tensor));
  const int64_t classes = tensor.shape[1];
  std::vector<int64_t> places;
  for (size_t row = 0; row < values.size(); row += static_cast<size_t>(classes)) {
    places.push_back(LargestAt(&values[row], classes));
  }
  return places;
}

absl::StatusOr<Outputs> RunAll(const Session& session, absl::Span<const Sample> samples) {
  Outputs outputs;
  for (const Sample& sample : samples) {
    CNNOPT_ASSIGN_OR_RETURN(std::vector<Tensor> tensors, session.Run(sample));
    outputs.push_back(std::move(tensors));
  }
  return outputs;
}

absl::StatusOr<Comparison> Compare(const std::vector<std::string>& names, const Outputs& a, const Outputs& b) {
  CNNOPT_RETURN_IF_ERROR(CheckCounts(names, a, b));
  Comparison result;
  result.samples = static_cast<int64_t>(a.size());
  result.sample_errors.resize(a.size(), 0);
  for (size_t output = 0; output < names.size(); ++output) {
    Sums sums;
    bool tensors = false;
    for (size_t sample = 0; sample < a.size(); ++sample) {
      const Tensor& a_tensor = a[sample][output];
      const Tensor& b_tensor = b[sample][output];
      if (a_tensor.data_type == onnx::TensorProto::UNDEFINED && b_tensor.data_type == onnx::TensorProto::UNDEFINED) {
        continue;
      }
      tensors = true;
      if (absl::Status status = AddSample(a_tensor, b_tensor, sums, result.sample_errors[sample]); !status.ok()) {
        return absl::Status(status.code(),
                            absl::StrCat("output '", names[output], "', sample ", sample, ": ", status.message()));
      }
    }
    if (tensors) {
      result.outputs.push_back(Summarise(names[output], sums));
    }
  }
  for (const OutputComparison& output : result.outputs) {
    result.relative_error = std::max(result.relative_error, output.relative_error);
    result.max_abs = std::max(result.max_abs, output.max_abs);
    result.cosine = std::min(result.cosine, output.cosine);
    result.new_nonfinite += output.new_nonfinite;
    if (!result.top1_agreement.has_value()) {
      result.top1_agreement = output.top1_agreement;
      result.top1_rows = output.top1_rows;
    }
  }
  return result;
}

}  // namespace cnnopt
