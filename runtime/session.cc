#include "runtime/session.h"

#include <algorithm>
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "onnx_io/borrow.h"
#include "onnx_io/status_macros.h"
#include "onnx_io/topology.h"
#include "runtime/lend.h"
#include "runtime/ort.h"

namespace cnnopt {
namespace {

// What an input accepts; -1 in `shape` is any size.
struct Accepts {
  int32_t data_type = onnx::TensorProto::UNDEFINED;
  Shape shape;
};

// ONNX Runtime's element types have the numbers of TensorProto's.
ONNXTensorElementDataType ElementType(int32_t data_type) { return static_cast<ONNXTensorElementDataType>(data_type); }

// A tensor over foreign memory. ONNX Runtime's interface takes no const, but writes no input.
Ort::Value AsValue(const std::string& bytes, const Shape& shape, int32_t data_type) {
  static const OrtMemoryInfo* const cpu = Ort::MemoryInfo::CreateCpu(OrtDeviceAllocator, OrtMemTypeDefault).release();
  return Ort::Value::CreateTensor(cpu, const_cast<char*>(bytes.data()), bytes.size(), shape.data(), shape.size(),
                                  ElementType(data_type));
}

Accepts ReadAccepts(const Ort::TypeInfo& type) {
  if (type.GetONNXType() != ONNX_TYPE_TENSOR) {
    return {};
  }
  const auto tensor = type.GetTensorTypeAndShapeInfo();
  return {static_cast<int32_t>(tensor.GetElementType()), tensor.GetShape()};
}

// Non-tensors and strings stay empty and UNDEFINED.
Tensor CopyOut(const Ort::Value& value) {
  Tensor tensor{onnx::TensorProto::UNDEFINED, {}, {}};
  if (!value.HasValue() || !value.IsTensor()) {
    return tensor;
  }
  const auto info = value.GetTensorTypeAndShapeInfo();
  const auto data_type = static_cast<int32_t>(info.GetElementType());
  const int64_t size = PayloadBytes(data_type, static_cast<int64_t>(info.GetElementCount()));
  if (size >= 0) {
    tensor = {data_type, info.GetShape(), std::string(value.GetTensorData<char>(), static_cast<size_t>(size))};
  }
  return tensor;
}

std::string ShapeText(const Shape& shape) {
  return absl::StrCat(
      "[",
      absl::StrJoin(shape, ",",
                    [](std::string* out, int64_t d) { absl::StrAppend(out, d < 0 ? "?" : absl::StrCat(d)); }),
      "]");
}

std::string TypeText(int32_t data_type) {
  return onnx::TensorProto::DataType_IsValid(data_type)
             ? onnx::TensorProto::DataType_Name(static_cast<onnx::TensorProto::DataType>(data_type))
             : absl::StrCat("type ", data_type);
}

absl::Status CheckInput(const std::string& name, const Tensor& tensor, const Accepts& accepts) {
  const auto mismatch = [&name](absl::string_view expected, absl::string_view found) {
    return absl::InvalidArgumentError(absl::StrCat("input '", name, "': expected ", expected, ", found ", found));
  };
  if (ElementBytes(accepts.data_type) == 0) {
    return absl::UnimplementedError(absl::StrCat("input '", name, "' is no dense tensor of numbers"));
  }
  if (tensor.data_type != accepts.data_type) {
    return mismatch(TypeText(accepts.data_type), TypeText(tensor.data_type));
  }
  const bool fits = std::equal(tensor.shape.begin(), tensor.shape.end(), accepts.shape.begin(), accepts.shape.end(),
                               [](int64_t found, int64_t expected) { return expected < 0 || found == expected; });
  if (!fits) {
    return mismatch(ShapeText(accepts.shape), ShapeText(tensor.shape));
  }
  const int64_t count = ElementCount(tensor.shape);
  const int64_t size = count < 0 ? -1 : PayloadBytes(tensor.data_type, count);
  if (size != static_cast<int64_t>(tensor.bytes.size())) {
    return mismatch(absl::StrCat(size, " bytes for shape ", ShapeText(tensor.shape)),
                    absl::StrCat(tensor.bytes.size()));
  }
  return absl::OkStatus();
}

Ort::SessionOptions OrtOptions(const SessionOptions& options) {
  Ort::SessionOptions result;
  result.SetGraphOptimizationLevel(options.optimize ? ORT_ENABLE_ALL : ORT_DISABLE_ALL);
  result.SetExecutionMode(ORT_SEQUENTIAL);
  result.SetInterOpNumThreads(1);
  result.SetIntraOpNumThreads(options.threads);
  if (options.threads > 1) {
    result.AddConfigEntry("session.intra_op.allow_spinning", "0");  // idle threads must not disturb the stopwatch
  }
  result.SetDeterministicCompute(true);
  return result;
}

// Hands out `tensors` under their names. ONNX Runtime reads such values while it loads and optimises the graph, then
// copies what is left into its own memory. `share` makes it use the given memory to the end; it looks them up by
// name for that, while some of its optimisations (transposing a constant) keep the name and change the content.
std::vector<Ort::Value> LendTo(Ort::SessionOptions& options, const std::vector<const onnx::TensorProto*>& tensors,
                               bool share) {
  std::vector<std::string> names;
  std::vector<Ort::Value> values;
  for (const onnx::TensorProto* tensor : tensors) {
    names.push_back(tensor->name());
    values.push_back(AsValue(RawData(*tensor), TensorShape(*tensor), tensor->data_type()));
    if (share) {
      options.AddInitializer(names.back().c_str(), values.back());
    }
  }
  if (!names.empty()) {
    options.AddExternalInitializers(names, values);
  }
  return values;
}

// Cuts the model down to what `values` are computed from when those of `given` are fed: ONNX Runtime refuses a lent
// initializer that nobody reads.
void KeepOnly(const std::vector<std::string>& values, const std::map<std::string, GivenValue>& given, LentModel& lent) {
  onnx::GraphProto& graph = *lent.model.mutable_graph();
  std::vector<std::string> known;
  for (const auto& [name, data_type] : given) known.push_back(name);
  google::protobuf::RepeatedPtrField<onnx::NodeProto> nodes;
  std::set<absl::string_view> read;
  for (const int n : Ancestors(graph, values, known)) {
    nodes.Add(std::move(*graph.mutable_node(n)));
    const onnx::NodeProto& node = nodes.Get(nodes.size() - 1);
    read.insert(node.input().begin(), node.input().end());
    const std::vector<absl::string_view> outer = OuterReads(node);
    read.insert(outer.begin(), outer.end());
  }
  // Old formats list initializers among the inputs, too: without its value each would have to be fed.
  std::set<std::string> dropped;
  const auto unread = [&](const onnx::TensorProto& tensor) {
    if (read.count(tensor.name()) > 0) return false;
    dropped.insert(tensor.name());
    return true;
  };
  const auto lent_unread = [&](const onnx::TensorProto* tensor) { return unread(*tensor); };
  lent.lent.erase(std::remove_if(lent.lent.begin(), lent.lent.end(), lent_unread), lent.lent.end());
  auto& tensors = *graph.mutable_initializer();
  tensors.erase(std::remove_if(tensors.begin(), tensors.end(), unread), tensors.end());
  graph.mutable_node()->Swap(&nodes);
  graph.clear_output();
  auto& inputs = *graph.mutable_input();
  const auto input_unread = [&](const onnx::ValueInfoProto& input) {
    return given.empty() ? dropped.count(input.name()) > 0 : read.count(input.name()) == 0;
  };
  inputs.erase(std::remove_if(inputs.begin(), inputs.end(), input_unread), inputs.end());
  if (given.empty()) return;
  auto& infos = *graph.mutable_value_info();
  const auto fed = [&](const onnx::ValueInfoProto& info) { return given.count(info.name()) != 0; };
  infos.erase(std::remove_if(infos.begin(), infos.end(), fed), infos.end());
  std::set<std::string> declared;
  for (const onnx::ValueInfoProto& input : inputs) declared.insert(input.name());
  for (const auto& [name, value] : given) {
    if (read.count(name) == 0 || declared.count(name) != 0) continue;
    onnx::ValueInfoProto& input = *graph.add_input();
    input.set_name(name);
    onnx::TypeProto::Tensor& type = *input.mutable_type()->mutable_tensor_type();
    type.set_elem_type(value.data_type);
    type.mutable_shape();  // also of a scalar
    for (size_t axis = 0; axis < value.rank; ++axis) type.mutable_shape()->add_dim();
  }
}

// Some exporters write 0 for a size that is open, as InputShapes takes it; ONNX Runtime would accept nothing else then.
void OpenZeroSizes(onnx::GraphProto& graph) {
  for (onnx::ValueInfoProto& input : *graph.mutable_input()) {
    if (!input.type().has_tensor_type() || !input.type().tensor_type().has_shape()) continue;
    for (auto& dim : *input.mutable_type()->mutable_tensor_type()->mutable_shape()->mutable_dim()) {
      if (dim.has_dim_value() && dim.dim_value() <= 0) dim.clear_dim_value();
    }
  }
}

}  // namespace

struct Session::Impl {
  std::shared_ptr<const OnnxRuntime> runtime;
  std::vector<Ort::Value> lent;  // over the model's own memory
  Ort::Session session{nullptr};
  std::map<std::string, Accepts> inputs;       // must be fed
  std::map<std::string, Accepts> overridable;  // may be fed: inputs with an initializer
  std::vector<std::string> outputs;

  absl::Status CheckInputs(const Sample& sample) const;
};

absl::Status Session::Impl::CheckInputs(const Sample& sample) const {
  for (const auto& [name, tensor] : sample) {
    auto found = inputs.find(name);
    if (found == inputs.end()) {
      found = overridable.find(name);
      if (found == overridable.end()) {
        const auto append_name = [](std::string* out, const auto& input) {
          absl::StrAppend(out, "'", input.first, "'");
        };
        return absl::InvalidArgumentError(
            absl::StrCat("the model has no input '", name, "': expected ", absl::StrJoin(inputs, ", ", append_name)));
      }
    }
    CNNOPT_RETURN_IF_ERROR(CheckInput(name, tensor, found->second));
  }
  for (const auto& [name, accepts] : inputs) {
    if (sample.count(name) == 0) {
      return absl::InvalidArgumentError(absl::StrCat("input '", name, "' is missing"));
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<Session> Session::Create(std::shared_ptr<const OnnxRuntime> runtime, const onnx::ModelProto& model,
                                        const SessionOptions& options) {
  auto impl = std::make_unique<Impl>();
  impl->runtime = std::move(runtime);
  LentModel lent = Lend(model);
  OpenZeroSizes(*lent.model.mutable_graph());
  if (!options.own_outputs) KeepOnly(options.extra_outputs, options.given, lent);
  std::set<std::string> known;
  for (const onnx::ValueInfoProto& output : lent.model.graph().output()) {
    impl->outputs.push_back(output.name());
    known.insert(output.name());
  }
  for (const std::string& name : options.extra_outputs) {
    impl->outputs.push_back(name);
    if (known.insert(name).second) {
      lent.model.mutable_graph()->add_output()->set_name(name);  // ONNX Runtime infers the type
    }
  }
  std::string bytes;
  if (!lent.model.SerializeToString(&bytes)) {
    return absl::InvalidArgumentError("the model does not serialise: over 2 GiB outside the weights' raw_data");
  }
  lent.model.Clear();
  CNNOPT_RETURN_IF_ERROR(CallOrt("ONNX Runtime rejects the model", absl::StatusCode::kInvalidArgument, [&] {
    Ort::SessionOptions ort_options = OrtOptions(options);
    impl->lent = LendTo(ort_options, lent.lent, /*share=*/!options.optimize);
    impl->session = Ort::Session(impl->runtime->impl().env, bytes.data(), bytes.size(), ort_options);
    Ort::AllocatorWithDefaultOptions allocator;
    for (size_t i = 0; i < impl->session.GetInputCount(); ++i) {
      impl->inputs[impl->session.GetInputNameAllocated(i, allocator).get()] =
          ReadAccepts(impl->session.GetInputTypeInfo(i));
    }
    for (size_t i = 0; i < impl->session.GetOverridableInitializerCount(); ++i) {
      impl->overridable[impl->session.GetOverridableInitializerNameAllocated(i, allocator).get()] =
          ReadAccepts(impl->session.GetOverridableInitializerTypeInfo(i));
    }
  }));
  return Session(std::move(impl));
}

absl::StatusOr<std::vector<Tensor>> Session::Run(const Sample& inputs) const {
  CNNOPT_RETURN_IF_ERROR(impl_->CheckInputs(inputs));
  std::vector<Tensor> outputs;
  CNNOPT_RETURN_IF_ERROR(CallOrt("ONNX Runtime cannot run the model", absl::StatusCode::kInvalidArgument, [&] {
    std::vector<const char*> input_names;
    std::vector<Ort::Value> values;
    for (const auto& [name, tensor] : inputs) {
      input_names.push_back(name.c_str());
      values.push_back(AsValue(tensor.bytes, tensor.shape, tensor.data_type));
    }
    std::vector<const char*> output_names;
    for (const std::string& name : impl_->outputs) {
      output_names.push_back(name.c_str());
    }
    for (const Ort::Value& value : impl_->session.Run(Ort::RunOptions{}, input_names.data(), values.data(),
                                                      values.size(), output_names.data(), output_names.size())) {
      outputs.push_back(CopyOut(value));
    }
  }));
  return outputs;
}

Session::Session(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Session::Session(Session&&) noexcept = default;
Session& Session::operator=(Session&&) noexcept = default;
Session::~Session() = default;
std::vector<std::string> Session::input_names() const {
  std::vector<std::string> names;
  for (const auto& [name, accepts] : impl_->inputs) names.push_back(name);
  return names;
}
const std::vector<std::string>& Session::output_names() const { return impl_->outputs; }

}  // namespace cnnopt
