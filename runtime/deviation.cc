#include "runtime/deviation.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <utility>

#include "onnx_io/status_macros.h"
#include "onnx_io/tensor.h"

namespace cnnopt {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr int64_t kFew = 5;  // of "top-5"

// What one output adds up to.
struct Gathered {
  std::vector<double> distances;  // |b - a|
  double signal = 0, noise = 0;   // sums of squares
  double tolerance = 0;
  int64_t rows = 0, among_few = 0;
  double margins = 0, lost_margin = 0;
};

void AddElements(const std::vector<double>& a, const std::vector<double>& b, Gathered& sums) {
  for (size_t i = 0; i < a.size(); ++i) {
    if (!std::isfinite(a[i])) continue;
    if (!std::isfinite(b[i])) {
      sums.tolerance = kInfinity;
      continue;
    }
    const double distance = std::abs(b[i] - a[i]);
    sums.distances.push_back(distance);
    sums.signal += a[i] * a[i];
    sums.noise += distance * distance;
    sums.tolerance = std::max(sums.tolerance, distance / (1 + std::abs(a[i])));
  }
}

// Whether element i of a row stands before element j: the larger first, the first of equals; NaN last.
bool Before(const double* row, int64_t i, int64_t j) {
  if (std::isnan(row[i]) || std::isnan(row[j])) return !std::isnan(row[i]);
  return row[i] > row[j] || (row[i] == row[j] && i < j);
}

// How many elements of a row stand before element `i`.
int64_t Place(const double* row, int64_t classes, int64_t i) {
  int64_t place = 0;
  for (int64_t j = 0; j < classes; ++j) place += j != i && Before(row, j, i) ? 1 : 0;
  return place;
}

void AddRow(const double* a, const double* b, int64_t classes, Gathered& sums) {
  int64_t best = 0;
  for (int64_t i = 1; i < classes; ++i) {
    if (Before(a, i, best)) best = i;
  }
  double second = -kInfinity;
  for (int64_t i = 0; i < classes; ++i) {
    if (i != best && !std::isnan(a[i])) second = std::max(second, a[i]);
  }
  const double margin = std::isfinite(a[best]) && std::isfinite(second) ? a[best] - second : 0;
  const int64_t place = std::isnan(b[best]) ? classes : Place(b, classes, best);
  ++sums.rows;
  sums.margins += margin;
  sums.among_few += place < kFew ? 1 : 0;
  if (place > 0) sums.lost_margin = std::max(sums.lost_margin, margin);
}

// The value below which a share `p` of the sorted `values` lies.
double Quantile(const std::vector<double>& values, double p) {
  if (values.empty()) return 0;
  const double at = p * static_cast<double>(values.size() - 1);
  const auto below = static_cast<size_t>(at);
  const size_t above = std::min(below + 1, values.size() - 1);
  return values[below] + (at - static_cast<double>(below)) * (values[above] - values[below]);
}

OutputDeviation Summarise(std::string name, Gathered sums) {
  OutputDeviation result;
  result.name = std::move(name);
  std::sort(sums.distances.begin(), sums.distances.end());
  result.elements = static_cast<int64_t>(sums.distances.size());
  for (const double distance : sums.distances) result.mean_abs += distance;
  result.mean_abs /= static_cast<double>(std::max<int64_t>(result.elements, 1));
  result.p50 = Quantile(sums.distances, 0.5);
  result.p90 = Quantile(sums.distances, 0.9);
  result.p99 = Quantile(sums.distances, 0.99);
  result.sqnr_db = sums.noise > 0 ? 10 * std::log10(sums.signal / sums.noise) : kInfinity;
  result.tolerance = sums.tolerance;
  if (sums.rows > 0) {
    const auto rows = static_cast<double>(sums.rows);
    result.top5_agreement = static_cast<double>(sums.among_few) / rows;
    result.margin = sums.margins / rows;
    result.lost_margin = sums.lost_margin;
  }
  return result;
}

}  // namespace

absl::StatusOr<std::vector<OutputDeviation>> Deviations(const std::vector<std::string>& names, const Outputs& a,
                                                        const Outputs& b) {
  CNNOPT_RETURN_IF_ERROR(Compare(names, a, b).status());  // checks that both fit
  std::vector<OutputDeviation> results;
  for (size_t output = 0; output < names.size(); ++output) {
    Gathered sums;
    bool tensors = false;
    for (size_t sample = 0; sample < a.size(); ++sample) {
      const Tensor& tensor = a[sample][output];
      if (tensor.data_type == onnx::TensorProto::UNDEFINED) continue;
      tensors = true;
      CNNOPT_ASSIGN_OR_RETURN(const std::vector<double> a_values, ToDoubles(tensor));
      CNNOPT_ASSIGN_OR_RETURN(const std::vector<double> b_values, ToDoubles(b[sample][output]));
      AddElements(a_values, b_values, sums);
      if (!IsFloating(tensor.data_type) || tensor.shape.size() != 2 || tensor.shape[1] < 2) continue;
      const auto classes = static_cast<size_t>(tensor.shape[1]);
      for (size_t row = 0; row < a_values.size(); row += classes) {
        AddRow(&a_values[row], &b_values[row], tensor.shape[1], sums);
      }
    }
    if (tensors) results.push_back(Summarise(names[output], std::move(sums)));
  }
  return results;
}

}  // namespace cnnopt
