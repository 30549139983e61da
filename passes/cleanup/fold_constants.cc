// Turns Constant nodes into initializers, and lets what reads a copy or another view of a constant read it directly.
//
//   Constant ─ k ─ Conv          becomes      k (initializer) ─ Conv
//   w ─ Identity ─ w1 ─ Conv     becomes      w ─ Conv
//   w ─ Transpose ─ t ─ Conv     becomes      t (initializer) ─ Conv        so for Cast, Reshape, Squeeze, Unsqueeze
//
//   same numbers, computed once
//
// Applies when the value is no graph output (and for Identity not read by a subgraph), no caller can override the
// constant, the result is exact (see ApplyConstantOp), and the model does not grow: the result has at most 64 KiB, or
// it is no bigger than the source and the source is read by nothing else. Strings stay Constant nodes.
#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "onnx_io/graph_view.h"
#include "onnx_io/quote.h"
#include "onnx_io/status_macros.h"
#include "onnx_io/tensor.h"
#include "passes/cleanup/cleanup.h"
#include "passes/cleanup/constant_op.h"

namespace cnnopt {
namespace {

using onnx::AttributeProto;
using onnx::TensorProto;

constexpr int64_t kMaxNewBytes = 64 << 10;

TensorProto FloatTensor(const google::protobuf::RepeatedField<float>& values) {
  TensorProto tensor;
  tensor.set_data_type(TensorProto::FLOAT);
  *tensor.mutable_float_data() = values;
  return tensor;
}

TensorProto IntTensor(const google::protobuf::RepeatedField<int64_t>& values) {
  TensorProto tensor;
  tensor.set_data_type(TensorProto::INT64);
  *tensor.mutable_int64_data() = values;
  return tensor;
}

// The dense form of a sparse tensor: at most kMaxNewBytes; indices are linear ([NNZ]) or per axis ([NNZ, rank]).
absl::StatusOr<TensorProto> Dense(const onnx::SparseTensorProto& sparse) {
  const Shape shape(sparse.dims().begin(), sparse.dims().end());
  const int64_t count = ElementCount(shape);
  const int64_t width = ElementBytes(sparse.values().data_type());
  if (count < 0 || width == 0 || count > kMaxNewBytes / width) {
    return absl::UnimplementedError("its sparse tensor would be too big, or has an unusual data type");
  }
  CNNOPT_ASSIGN_OR_RETURN(const std::string values, RawPayload(sparse.values()));
  CNNOPT_ASSIGN_OR_RETURN(const std::vector<int64_t> indices, DecodeInts(sparse.indices()));
  const auto given = static_cast<int64_t>(values.size()) / width;
  const bool linear = sparse.indices().dims_size() == 1;
  const int64_t digits = linear ? 1 : static_cast<int64_t>(shape.size());
  if (static_cast<int64_t>(indices.size()) != given * digits) {
    return absl::UnimplementedError("its sparse tensor has another number of indices than of values");
  }
  std::string bytes(static_cast<size_t>(count * width), '\0');
  for (int64_t i = 0; i < given; ++i) {
    int64_t at = 0;
    for (int64_t digit = 0; digit < digits; ++digit) {
      const int64_t index = indices[static_cast<size_t>(i * digits + digit)];
      const int64_t size = linear ? count : shape[static_cast<size_t>(digit)];
      if (index < 0 || index >= size) {
        return absl::UnimplementedError("its sparse tensor has an index out of range");
      }
      at = linear ? index : at * size + index;
    }
    bytes.replace(static_cast<size_t>(at * width), static_cast<size_t>(width), values, static_cast<size_t>(i * width),
                  static_cast<size_t>(width));
  }
  TensorProto tensor;
  tensor.set_data_type(sparse.values().data_type());
  *tensor.mutable_dims() = sparse.dims();
  tensor.set_raw_data(std::move(bytes));
  return tensor;
}

// The tensor of a Constant node, whichever attribute holds it.
absl::StatusOr<TensorProto> ConstantTensor(const onnx::NodeProto& node) {
  if (const AttributeProto* value = FindAttribute(node, "value"); value != nullptr && value->has_t()) {
    return value->t();
  }
  if (const AttributeProto* value = FindAttribute(node, "sparse_value");
      value != nullptr && value->has_sparse_tensor()) {
    return Dense(value->sparse_tensor());
  }
  if (const AttributeProto* value = FindAttribute(node, "value_float"); value != nullptr && value->has_f()) {
    TensorProto tensor = FloatTensor({});
    tensor.add_float_data(value->f());
    return tensor;
  }
  if (const AttributeProto* value = FindAttribute(node, "value_int"); value != nullptr && value->has_i()) {
    TensorProto tensor = IntTensor({});
    tensor.add_int64_data(value->i());
    return tensor;
  }
  if (const AttributeProto* value = FindAttribute(node, "value_floats"); value != nullptr) {
    TensorProto tensor = FloatTensor(value->floats());
    tensor.add_dims(value->floats_size());
    return tensor;
  }
  if (const AttributeProto* value = FindAttribute(node, "value_ints"); value != nullptr) {
    TensorProto tensor = IntTensor(value->ints());
    tensor.add_dims(value->ints_size());
    return tensor;
  }
  return absl::UnimplementedError("it holds strings, or an attribute that is not known");
}

// One walk over the nodes in topological order, so that a chain of any length is folded at once.
class Folder {
 public:
  Folder(const GraphView& view, PassContext& context) : view_(view), context_(context) {}

  std::vector<Rewrite> Run() {
    for (const onnx::NodeProto* node : view_.nodes()) {
      if (node->output_size() != 1 || node->output(0).empty()) {
        continue;
      }
      absl::Status status;
      if (IsOp(*node, "Constant")) {
        status = FoldConstant(*node);
      } else if (IsOp(*node, "Identity")) {
        status = FoldIdentity(*node);
      } else if (IsConstantOp(*node)) {
        status = FoldOp(*node);
      }
      if (!status.ok()) {
        context_.declined.push_back({Describe(*node), std::string(status.message())});
      }
    }
    for (Rewrite& rewrite : rewrites_) {
      if (const auto folded = folded_.find(rewrite.remove[0]); folded != folded_.end()) {
        folded->second.set_name(rewrite.remove[0]);
        rewrite.weights.push_back(std::move(folded->second));
      }
    }
    return std::move(rewrites_);
  }

 private:
  // The value that `name` is a plain copy of.
  const std::string& Root(const std::string& name) const {
    const auto found = root_.find(name);
    return found == root_.end() ? name : found->second;
  }

  // The tensor `name` holds in the graph as it will be, or null.
  const TensorProto* Constant(const std::string& name) const {
    const auto found = folded_.find(Root(name));
    return found == folded_.end() ? view_.Constant(name) : &found->second;
  }

  // Whether what `name` holds will vanish when `reader` does.
  bool Unshared(std::string name, const onnx::NodeProto* reader) const {
    while (view_.SoleConsumer(name) == reader) {
      reader = view_.Producer(name);
      if (reader == nullptr || !IsOp(*reader, "Identity")) {
        return true;
      }
      name = Input(*reader, 0);
    }
    return false;
  }

  absl::Status CheckOutput(const onnx::NodeProto& node) const {
    return view_.IsGraphOutput(node.output(0)) ? absl::UnimplementedError("it makes a graph output") : absl::OkStatus();
  }

  // By how much the model grows with a new value of `bytes` when `freed` bytes go; an error: too much.
  absl::StatusOr<int64_t> Growth(int64_t bytes, int64_t freed) const {
    const int64_t growth = std::max<int64_t>(0, bytes - freed);
    if (bytes < 0 || (growth > 0 && bytes > kMaxNewBytes) || growth > context_.growth_left) {
      return absl::UnimplementedError(absl::StrCat("the model would grow by ", growth, " bytes"));
    }
    return growth;
  }

  void Replace(const onnx::NodeProto& node, TensorProto result, int64_t growth) {
    context_.growth_left -= growth;
    rewrites_.push_back({absl::StrCat("fold ", Describe(node), " into a weight"), {node.output(0)}, {}, {}});
    folded_[node.output(0)] = std::move(result);
  }

  absl::Status FoldConstant(const onnx::NodeProto& node) {
    CNNOPT_RETURN_IF_ERROR(CheckOutput(node));
    CNNOPT_ASSIGN_OR_RETURN(TensorProto tensor, ConstantTensor(node));
    const bool sparse = FindAttribute(node, "sparse_value") != nullptr;
    const int64_t bytes = StoredBytes(tensor);
    CNNOPT_ASSIGN_OR_RETURN(const int64_t growth, Growth(bytes, sparse ? 0 : bytes));
    Replace(node, std::move(tensor), growth);
    return absl::OkStatus();
  }

  absl::Status FoldIdentity(const onnx::NodeProto& node) {
    const std::string& output = node.output(0);
    if (Constant(Input(node, 0)) == nullptr) {
      return absl::OkStatus();
    }
    CNNOPT_RETURN_IF_ERROR(CheckOutput(node));
    if (view_.IsReadBySubgraph(output)) {
      return absl::UnimplementedError("a subgraph reads its output");
    }
    const std::string root = Root(Input(node, 0));
    root_[output] = root;
    rewrites_.push_back(
        {absl::StrCat("read ", Quote(root), " without ", Describe(node)), {output}, {}, {}, {{output, root}}});
    return absl::OkStatus();
  }

  absl::Status FoldOp(const onnx::NodeProto& node) {
    const std::string& input = Input(node, 0);
    const TensorProto* source = Constant(input);
    const TensorProto* parameter = Constant(Input(node, 1));
    if (source == nullptr || (parameter == nullptr && !Input(node, 1).empty())) {
      return absl::OkStatus();
    }
    CNNOPT_RETURN_IF_ERROR(CheckOutput(node));
    const bool unshared = Unshared(input, &node);
    CNNOPT_ASSIGN_OR_RETURN(const int64_t growth,
                            Growth(ConstantOpBytes(node, *source), unshared ? StoredBytes(*source) : 0));
    const auto folded = folded_.find(Root(input));
    if (folded == folded_.end() || !unshared) {
      TensorProto result = *source;
      CNNOPT_RETURN_IF_ERROR(ApplyConstantOp(node, parameter, context_.opset, result));
      Replace(node, std::move(result), growth);
      return absl::OkStatus();
    }
    // In a chain the tensor wanders from node to node: a long one must not copy it each time.
    CNNOPT_RETURN_IF_ERROR(ApplyConstantOp(node, parameter, context_.opset, folded->second));
    TensorProto result = std::move(folded->second);
    folded_.erase(folded);
    Replace(node, std::move(result), growth);
    return absl::OkStatus();
  }

  const GraphView& view_;
  PassContext& context_;
  std::vector<Rewrite> rewrites_;                         // each removes one node
  absl::flat_hash_map<std::string, TensorProto> folded_;  // by value: what nodes that go leave
  absl::flat_hash_map<std::string, std::string> root_;    // output of an Identity that goes -> the value it copies
};

}  // namespace

absl::StatusOr<std::vector<Rewrite>> PlanFoldConstants(const GraphView& view, PassContext& context) {
  return Folder(view, context).Run();
}

}  // namespace cnnopt
