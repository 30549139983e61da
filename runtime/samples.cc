#include "runtime/samples.h"

#include <algorithm>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "onnx_io/status_macros.h"
#include "runtime/npy.h"

namespace cnnopt {
namespace {

// Shapes by input name; -1 where the model leaves a dimension open.
using OpenShapes = std::map<std::string, Shape>;

std::string BatchText(const Shape& shape) {
  std::vector<std::string> dims = {"N"};
  for (size_t axis = 1; axis < shape.size(); ++axis) {
    dims.push_back(shape[axis] < 0 ? "?" : absl::StrCat(shape[axis]));
  }
  return absl::StrCat("[", absl::StrJoin(dims, ","), "]");
}

template <typename Map>
std::string Names(const Map& map) {
  return absl::StrJoin(map, ", ",
                       [](std::string* out, const auto& entry) { absl::StrAppend(out, "'", entry.first, "'"); });
}

// An array seen as samples of an input.
struct Arrangement {
  int64_t rows = 0;  // of which each sample takes sample_shape[0], or 1 when the input has no axes
  Shape sample_shape;
};

// `found`, the shape of an array, for an input of shape `expected`: rows behind each other, a single row without the
// batch axis, or whole inputs behind each other (one axis more than the input).
absl::StatusOr<Arrangement> Arrange(const std::string& name, const Shape& expected, const Shape& found,
                                    const std::string& path) {
  const size_t row_rank = expected.empty() ? 0 : expected.size() - 1;
  const size_t leading = found.size() - std::min(found.size(), row_rank);
  const Shape row(found.begin() + static_cast<int64_t>(leading), found.end());
  const auto same = [](int64_t open, int64_t size) { return open < 0 || open == size; };
  const bool whole_inputs = leading == 2 && !expected.empty() && same(expected[0], found[1]);
  const bool fits = (leading < 2 || whole_inputs) && std::equal(expected.end() - static_cast<int64_t>(row_rank),
                                                                expected.end(), row.begin(), row.end(), same);
  const int64_t rows = ElementCount(Shape(found.begin(), found.begin() + static_cast<int64_t>(leading)));
  if (!fits || rows < 0) {
    return absl::InvalidArgumentError(absl::StrCat("input '", name, "': expected ", BatchText(expected), ", found [",
                                                   absl::StrJoin(found, ","), "] in ", path));
  }
  Arrangement result{rows, {}};
  if (!expected.empty()) {
    result.sample_shape.push_back(whole_inputs ? found[1] : std::max<int64_t>(expected[0], 1));
    result.sample_shape.insert(result.sample_shape.end(), row.begin(), row.end());
  }
  return result;
}

// Gives the one array of a .npy file the name of the one input, and checks that arrays and inputs are the same.
template <typename Array>
absl::StatusOr<std::map<std::string, Array>> MatchNames(std::map<std::string, Array> arrays, const OpenShapes& inputs,
                                                        const std::string& path) {
  if (const auto npy = arrays.find(""); npy != arrays.end()) {
    if (inputs.size() != 1) {
      return absl::InvalidArgumentError(absl::StrCat(path, " holds one array, the model has the inputs ", Names(inputs),
                                                     ": expected a .npz with an array for each"));
    }
    auto node = arrays.extract(npy);
    node.key() = inputs.begin()->first;
    arrays.insert(std::move(node));
  }
  for (const auto& [name, array] : arrays) {
    if (inputs.count(name) == 0) {
      return absl::InvalidArgumentError(
          absl::StrCat("array '", name, "' in ", path, " is no input of the model: expected ", Names(inputs)));
    }
  }
  for (const auto& [name, shape] : inputs) {
    if (arrays.count(name) == 0) {
      return absl::InvalidArgumentError(
          absl::StrCat("no array for input '", name, "' in ", path, ", found ", Names(arrays)));
    }
  }
  return arrays;
}

// What a caller must feed, as the model declares it. An input of unknown rank gets the shape {}, and is in `unranked`.
OpenShapes DeclaredShapes(const onnx::GraphProto& graph, std::set<std::string>& unranked) {
  std::set<std::string> initialized;
  for (const onnx::TensorProto& tensor : graph.initializer()) {
    initialized.insert(tensor.name());
  }
  for (const onnx::SparseTensorProto& tensor : graph.sparse_initializer()) {
    initialized.insert(tensor.values().name());
  }
  OpenShapes shapes;
  for (const onnx::ValueInfoProto& input : graph.input()) {
    if (initialized.count(input.name()) != 0) {
      continue;
    }
    Shape& shape = shapes[input.name()];
    if (!input.type().tensor_type().has_shape()) {
      unranked.insert(input.name());
    }
    for (const onnx::TensorShapeProto::Dimension& dim : input.type().tensor_type().shape().dim()) {
      shape.push_back(dim.has_dim_value() && dim.dim_value() > 0 ? dim.dim_value() : -1);
    }
  }
  return shapes;
}

// Sample `index` of the tensor.
absl::StatusOr<Tensor> Slice(const Tensor& array, const InputInfo& input, int64_t index) {
  const auto size = static_cast<size_t>(PayloadBytes(array.data_type, ElementCount(input.shape)));
  Tensor slice{array.data_type, input.shape, array.bytes.substr(static_cast<size_t>(index) * size, size)};
  if (array.data_type == input.data_type) {
    return slice;
  }
  CNNOPT_ASSIGN_OR_RETURN(const std::vector<double> values, ToDoubles(slice));
  return FromDoubles(values, input.shape, input.data_type);
}

// How many samples `array` has for `input`.
absl::StatusOr<int64_t> CountSamples(const InputInfo& input, const Tensor& array, const std::string& path) {
  if (ElementCount(input.shape) < 1) {
    return absl::InvalidArgumentError(
        absl::StrCat("input '", input.name, "' of shape [", absl::StrJoin(input.shape, ","), "] takes no samples"));
  }
  CNNOPT_ASSIGN_OR_RETURN(const Arrangement arrangement, Arrange(input.name, input.shape, array.shape, path));
  const int64_t batch = input.shape.empty() ? 1 : input.shape[0];
  if (arrangement.rows < batch) {
    return absl::InvalidArgumentError(absl::StrCat("input '", input.name, "': expected at least ", batch,
                                                   " rows, found ", arrangement.rows, " in ", path));
  }
  return arrangement.rows / batch;
}

}  // namespace

absl::StatusOr<std::vector<InputInfo>> ModelInputs(const onnx::ModelProto& model,
                                                   const std::map<std::string, Shape>& shapes) {
  std::vector<InputInfo> inputs;
  for (const onnx::ValueInfoProto& input : model.graph().input()) {
    const auto shape = shapes.find(input.name());
    if (shape == shapes.end()) {
      continue;
    }
    const int32_t data_type = input.type().tensor_type().elem_type();
    if (ElementBytes(data_type) == 0) {
      return absl::UnimplementedError(absl::StrCat("input '", input.name(), "' is no dense tensor of numbers"));
    }
    inputs.push_back({input.name(), data_type, shape->second});
  }
  return inputs;
}

absl::StatusOr<std::map<std::string, Shape>> SampleShapes(const std::string& path, const onnx::ModelProto& model) {
  std::set<std::string> unranked;
  const OpenShapes declared = DeclaredShapes(model.graph(), unranked);
  CNNOPT_ASSIGN_OR_RETURN(auto found, ReadArrayShapes(path));
  CNNOPT_ASSIGN_OR_RETURN(found, MatchNames(std::move(found), declared, path));
  for (auto& [name, shape] : found) {
    const bool ranked = unranked.count(name) == 0;
    const Shape open = ranked ? declared.at(name) : Shape(std::max<size_t>(shape.size(), 1), -1);
    CNNOPT_ASSIGN_OR_RETURN(Arrangement arrangement, Arrange(name, open, shape, path));
    shape = std::move(arrangement.sample_shape);
  }
  return found;
}

absl::StatusOr<std::vector<Sample>> ReadSamples(const std::string& path, const std::vector<InputInfo>& inputs,
                                                int64_t limit) {
  OpenShapes shapes;
  for (const InputInfo& input : inputs) {
    shapes[input.name] = input.shape;
  }
  CNNOPT_ASSIGN_OR_RETURN(auto arrays, ReadArrays(path));
  CNNOPT_ASSIGN_OR_RETURN(arrays, MatchNames(std::move(arrays), shapes, path));
  int64_t available = -1;
  for (const InputInfo& input : inputs) {
    CNNOPT_ASSIGN_OR_RETURN(const int64_t count, CountSamples(input, arrays.at(input.name), path));
    if (available >= 0 && count != available) {
      return absl::InvalidArgumentError(absl::StrCat("input '", input.name, "': expected ", available,
                                                     " samples as the other inputs have, found ", count, " in ", path));
    }
    available = count;
  }
  const int64_t count = std::clamp<int64_t>(limit, 0, std::max<int64_t>(available, 0));
  std::vector<Sample> samples(static_cast<size_t>(count));
  for (int64_t i = 0; i < count; ++i) {
    // i * available / count without the product.
    const int64_t index = available / count * i + available % count * i / count;
    for (const InputInfo& input : inputs) {
      CNNOPT_ASSIGN_OR_RETURN(samples[static_cast<size_t>(i)][input.name], Slice(arrays.at(input.name), input, index));
    }
  }
  return samples;
}

}  // namespace cnnopt
