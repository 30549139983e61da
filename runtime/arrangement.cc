#include "runtime/arrangement.h"

#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "onnx_io/quote.h"
#include "onnx_io/status_macros.h"

namespace cnnopt {
namespace {

std::string BatchText(const Shape& shape) {
  std::vector<std::string> dims = {"N"};
  for (size_t axis = 1; axis < shape.size(); ++axis) {
    dims.push_back(shape[axis] < 0 ? "?" : absl::StrCat(shape[axis]));
  }
  return absl::StrCat("[", absl::StrJoin(dims, ","), "]");
}

}  // namespace

absl::StatusOr<Arrangement> Arrange(const std::string& name, const Shape& expected, const Shape& found,
                                    const std::string& path) {
  const size_t row_rank = expected.empty() ? 0 : expected.size() - 1;
  const size_t leading = found.size() - std::min(found.size(), row_rank);
  const Shape row(found.begin() + static_cast<int64_t>(leading), found.end());
  const auto same = [](int64_t open, int64_t size) { return open < 0 || open == size; };
  const bool whole_inputs = leading == 2 && !expected.empty() && same(expected[0], found[1]);
  const bool fits = (leading < 2 || whole_inputs) && std::equal(expected.end() - static_cast<int64_t>(row_rank),
                                                                expected.end(), row.begin(), row.end(), same);
  if (!fits || ElementCount(found) < 0) {
    return absl::InvalidArgumentError(absl::StrCat("input ", Quote(name), ": expected ", BatchText(expected),
                                                   ", found [", absl::StrJoin(found, ","), "] in ", OneLine(path)));
  }
  Arrangement result;
  result.kind = whole_inputs   ? Arrangement::Kind::kWholeInputs
                : leading == 1 ? Arrangement::Kind::kRows
                               : Arrangement::Kind::kRow;
  result.units = leading == 0 ? 1 : found[0];
  if (!expected.empty()) {
    result.sample_shape.push_back(whole_inputs ? found[1] : std::max<int64_t>(expected[0], 1));
    result.sample_shape.insert(result.sample_shape.end(), row.begin(), row.end());
  }
  return result;
}

absl::StatusOr<Arrangement> Arrange(const DeclaredInput& input, const Shape& found, const std::string& path) {
  return Arrange(input.name, input.ranked ? input.shape : Shape(std::max<size_t>(found.size(), 1), -1), found, path);
}

absl::StatusOr<int64_t> SamplesOfRows(const InputInfo& input, int64_t rows, const std::string& path) {
  const int64_t batch = input.shape.empty() ? 1 : input.shape[0];
  if (rows < batch) {
    return absl::InvalidArgumentError(absl::StrCat("input ", Quote(input.name), ": expected at least ", batch,
                                                   " rows, found ", rows, " in ", OneLine(path)));
  }
  return rows / batch;
}

absl::StatusOr<Tensor> SampleTensor(const InputInfo& input, int32_t data_type, std::string bytes) {
  Tensor tensor{data_type, input.shape, std::move(bytes)};
  if (data_type == onnx::TensorProto::BOOL) {  // whose bytes may be anything in a file
    for (char& byte : tensor.bytes) {
      byte = byte == 0 ? '\0' : '\1';
    }
  }
  if (data_type == input.data_type) {
    return tensor;
  }
  CNNOPT_ASSIGN_OR_RETURN(const std::vector<double> values, ToDoubles(tensor));
  return FromDoubles(values, input.shape, input.data_type);
}

absl::Status CheckSingleInput(const std::vector<DeclaredInput>& inputs, const std::string& what,
                              const std::string& path) {
  if (inputs.size() == 1) {
    return absl::OkStatus();
  }
  const auto name = [](std::string* out, const DeclaredInput& input) { absl::StrAppend(out, Quote(input.name)); };
  return absl::InvalidArgumentError(absl::StrCat(OneLine(path), " holds ", what, ", the model has the inputs ",
                                                 absl::StrJoin(inputs, ", ", name),
                                                 ": expected NAME=PATH for each, or a .npz with an array for each"));
}

}  // namespace cnnopt
