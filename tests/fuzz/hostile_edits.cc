#include "tests/fuzz/hostile_edits.h"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "onnx_io/tensor.h"
#include "onnx_io/tensor_walk.h"

namespace cnnopt::testing {
namespace {

constexpr int64_t kMost = std::numeric_limits<int64_t>::max(), kLeast = std::numeric_limits<int64_t>::min();

std::vector<int64_t> HostileDims(Choices& choices) {
  static const std::vector<std::vector<int64_t>> kDims = {
      {int64_t{1} << 32, int64_t{1} << 32},
      {kMost, 2},
      {kMost},
      {0, kMost, 3},
      {kMost, kMost, 0},
      {int64_t{1} << 62, 4},
      {(int64_t{1} << 61) + 1, 8},
      {-1},
      {-1, -1},
      {kLeast, 1},
      {kLeast, kLeast},
      {3, -3},
      {1'000'000'000'000},
      {65536, 65536},
      {1 << 20, 1 << 10},
      std::vector<int64_t>(16, 1),
      std::vector<int64_t>(17, 1),
      std::vector<int64_t>(16, 16),
      std::vector<int64_t>(64, 2),
      {0},
      {},
  };
  return choices.Of(kDims);
}

std::vector<onnx::TensorProto*> Tensors(onnx::ModelProto& model) {
  std::vector<onnx::TensorProto*> tensors;
  ForEachTensor(model, [&](onnx::TensorProto& tensor, TensorPlace) { tensors.push_back(&tensor); });
  return tensors;
}

void LieAboutDims(onnx::ModelProto& model, Choices& choices) {
  const std::vector<onnx::TensorProto*> tensors = Tensors(model);
  if (tensors.empty()) return;
  onnx::TensorProto& tensor = *choices.Of(tensors);
  const std::vector<int64_t> dims = HostileDims(choices);
  tensor.mutable_dims()->Assign(dims.begin(), dims.end());
  if (choices.OneIn(2)) return;
  for (auto clear : {&onnx::TensorProto::clear_raw_data, &onnx::TensorProto::clear_float_data}) (tensor.*clear)();
}

void LieAboutShapes(onnx::ModelProto& model, Choices& choices) {
  onnx::GraphProto& graph = *model.mutable_graph();
  auto& infos = choices.OneIn(2) && graph.output_size() > 0 ? *graph.mutable_output() : *graph.mutable_input();
  if (infos.empty()) return;
  auto& shape = *infos.Mutable(static_cast<int>(choices.Below(infos.size())))
                     ->mutable_type()
                     ->mutable_tensor_type()
                     ->mutable_shape();
  shape.clear_dim();
  for (const int64_t size : HostileDims(choices)) shape.add_dim()->set_dim_value(size);
}

// Right in one of a few cases, so that the rest of the program sees such tensors, too.
void MoveOutside(onnx::ModelProto& model, Choices& choices) {
  static const std::vector<std::string> kLocations = {kDataName,
                                                      kDataName,
                                                      kDataName,
                                                      kDataName,
                                                      absl::StrCat("./", kDataName),
                                                      "fuzzed.onnx",
                                                      "missing",
                                                      "",
                                                      "/etc/passwd",
                                                      "../data.bin",
                                                      "a/../data.bin",
                                                      "/dev/zero",
                                                      ".",
                                                      "a\\b.bin",
                                                      "C:data.bin",
                                                      "data.bin/",
                                                      std::string("data.bin\0x", 10)};
  static const std::vector<std::string> kNumbers = {"0",
                                                    "1",
                                                    "4096",
                                                    "65535",
                                                    "65536",
                                                    "65537",
                                                    "4611686018427387904",
                                                    "9223372036854775807",
                                                    "9223372036854775808",
                                                    "18446744073709551615",
                                                    "99999999999999999999999999",
                                                    "-1",
                                                    "-0",
                                                    "+1",
                                                    " 1",
                                                    "1 ",
                                                    "1e3",
                                                    "0x10",
                                                    "",
                                                    "00"};
  const std::vector<onnx::TensorProto*> tensors = Tensors(model);
  if (tensors.empty()) return;
  onnx::TensorProto& tensor = *choices.Of(tensors);
  const std::string length = absl::StrCat(StoredBytes(tensor));
  const auto entry = [&](const char* key, const std::string& value) {
    onnx::StringStringEntryProto& pair = *tensor.add_external_data();
    pair.set_key(key);
    pair.set_value(value);
  };
  tensor.set_data_location(onnx::TensorProto::EXTERNAL);
  if (!choices.OneIn(8)) {
    for (auto clear : {&onnx::TensorProto::clear_raw_data, &onnx::TensorProto::clear_float_data,
                       &onnx::TensorProto::clear_int32_data, &onnx::TensorProto::clear_int64_data}) {
      (tensor.*clear)();
    }
  }
  if (!choices.OneIn(3)) {  // a range that may well be right
    entry("location", kDataName);
    if (!choices.OneIn(3)) entry("offset", choices.Of<std::string>({"0", "4096", "64", "1"}));
    if (!choices.OneIn(3)) entry("length", length);
    return;
  }
  if (!choices.OneIn(16)) entry("location", choices.Of(kLocations));
  if (!choices.OneIn(4)) entry("offset", choices.Of(kNumbers));
  if (!choices.OneIn(4)) entry("length", choices.OneIn(2) ? length : choices.Of(kNumbers));
  if (choices.OneIn(8)) entry(choices.Of<const char*>({"offset", "length", "location", "checksum"}), "0");
}

std::string AddNumbers(const std::vector<int64_t>& numbers, int count, onnx::GraphProto& graph) {
  onnx::TensorProto& tensor = *graph.add_initializer();
  tensor.set_name(absl::StrCat("bomb_numbers", count));
  tensor.set_data_type(onnx::TensorProto::INT64);
  tensor.add_dims(static_cast<int64_t>(numbers.size()));
  tensor.mutable_int64_data()->Assign(numbers.begin(), numbers.end());
  return tensor.name();
}

// The value may take the place of one that a node reads, so that shapes and layers depend on it.
void AddBomb(onnx::ModelProto& model, Choices& choices) {
  onnx::GraphProto& graph = *model.mutable_graph();
  const int count = graph.node_size();
  const std::vector<int64_t> numbers =
      choices.OneIn(3) ? HostileDims(choices) : choices.Of<std::vector<int64_t>>({{1 << 15, 1 << 10}, {64, 1}, {7, 7}});
  const std::string sizes = AddNumbers(numbers, count, graph);
  const std::string one = AddNumbers({1}, count + 1, graph), last = AddNumbers({1 << 30}, count + 2, graph);
  static const std::vector<std::pair<const char*, int>> kBombs = {
      {"ConstantOfShape", 1}, {"Expand", 2}, {"Tile", 2}, {"Reshape", 2}, {"Range", 3}, {"Pad", 2}, {"OneHot", 3}};
  const auto [op, inputs] = choices.Of(kBombs);
  onnx::NodeProto node;
  node.set_op_type(op);
  const std::vector<std::string> all = inputs == 1   ? std::vector<std::string>{sizes}
                                       : inputs == 2 ? std::vector<std::string>{one, sizes}
                                                     : std::vector<std::string>{one, last, one};
  for (const std::string& input : all) node.add_input(input);
  node.add_output(absl::StrCat("bomb", count));
  if (graph.node_size() > 0 && choices.OneIn(2)) {
    onnx::NodeProto& reader = *graph.mutable_node(static_cast<int>(choices.Below(graph.node_size())));
    if (reader.input_size() > 0) {
      reader.set_input(static_cast<int>(choices.Below(reader.input_size())), node.output(0));
    }
  }
  *graph.add_node() = node;
  std::rotate(graph.mutable_node()->pointer_begin(), graph.mutable_node()->pointer_end() - 1,
              graph.mutable_node()->pointer_end());
}

// `count` functions of which each calls the next one `times` times; the last calls the first one, or nobody.
void AddCalls(onnx::ModelProto& model, Choices& choices) {
  const int64_t count = choices.Of<int64_t>({1, 2, 3, 12, 25, 31});
  const int64_t times = choices.Of<int64_t>({1, 2, 3});
  const bool ring = choices.OneIn(2);
  const int first = model.functions_size();
  model.set_ir_version(std::max<int64_t>(model.ir_version(), 8));
  for (int64_t k = 0; k < count; ++k) {
    onnx::FunctionProto& function = *model.add_functions();
    function.set_name(absl::StrCat("call", first + k));
    function.set_domain("calls");
    function.add_input("x");
    function.add_output("y");
    for (const onnx::OperatorSetIdProto& opset : model.opset_import()) *function.add_opset_import() = opset;
    onnx::OperatorSetIdProto& own = *function.add_opset_import();
    own.set_domain("calls");
    own.set_version(1);
    std::string value = "x";
    for (int64_t t = 0; t < times; ++t) {
      onnx::NodeProto& node = *function.add_node();
      const bool last = k + 1 == count;
      node.set_op_type(last && !ring ? "Relu" : absl::StrCat("call", first + (k + 1) % count));
      node.set_domain(last && !ring ? "" : "calls");
      node.add_input(value);
      value = t + 1 == times ? "y" : absl::StrCat("v", t);
      node.add_output(value);
    }
  }
  if (model.graph().output_size() == 0) return;
  onnx::OperatorSetIdProto& opset = *model.add_opset_import();
  opset.set_domain("calls");
  opset.set_version(1);
  onnx::NodeProto& call = *model.mutable_graph()->add_node();
  call.set_op_type(absl::StrCat("call", first));
  call.set_domain("calls");
  call.add_input(model.graph().output(0).name());
  call.add_output(absl::StrCat("called", first));
}

}  // namespace

void EditHostilely(onnx::ModelProto& model, Choices& choices) {
  switch (choices.Below(6)) {
    case 0:
      return LieAboutDims(model, choices);
    case 1:
      return LieAboutShapes(model, choices);
    case 2:
    case 3:
      return MoveOutside(model, choices);
    case 4:
      return AddBomb(model, choices);
    default:
      return AddCalls(model, choices);
  }
}

}  // namespace cnnopt::testing
