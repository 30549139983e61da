#include "tests/fuzz/random_network.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "onnx_io/tensor.h"

namespace cnnopt::testing {
namespace {

// A value of the network: [1, channels, spatial...].
struct Value {
  std::string name;
  int64_t channels = 0;
  std::vector<int64_t> spatial;
};

class Builder {
 public:
  Builder(Choices& choices, WeightKind kind, int32_t data_type)
      : choices_(choices), kind_(kind), numbers_(static_cast<uint32_t>(choices.Below(1 << 16))) {
    like_.set_data_type(data_type);
    if (choices.OneIn(2)) {  // numbers go to the field of their type, else to raw_data
      like_.add_float_data(0);
      like_.add_int32_data(0);
    }
    model_.set_ir_version(3 + choices.Below(8));
    opset_ = choices.Of<int64_t>({13, 11, 9, 14, 15, 17, 18, 19, 21});
    model_.add_opset_import()->set_version(opset_);
    graph_.set_name("g");
  }

  onnx::ModelProto Build() {
    const int64_t axes = 1 + (choices_.Below(4) + 1) % 3;  // mostly 2
    Value x{"x", choices_.Of<int64_t>({16, 3, 24, 8, 32}), {}};
    for (int64_t a = 0; a < axes; ++a) x.spatial.push_back((axes == 3 ? 4 : 6) + choices_.Below(4));
    AddInput(x);
    live_ = {x};
    const int64_t layers = 1 + choices_.Below(7);
    for (int64_t i = 0; i < layers; ++i) live_.push_back(Layer(live_.back()));
    std::string last = live_.back().name;
    if (choices_.OneIn(3)) last = Classifier(live_.back());
    AddOutput(last);
    if (choices_.OneIn(4) && live_.size() > 2) {
      const std::string inner =
          live_[1 + static_cast<size_t>(choices_.Below(static_cast<int64_t>(live_.size()) - 2))].name;
      if (inner != last) AddOutput(inner);
    }
    ListWeightsAsInputs();
    *model_.mutable_graph() = graph_;
    return model_;
  }

 private:
  std::string Fresh(const char* stem) { return absl::StrCat(stem, count_++); }

  onnx::ValueInfoProto Typed(const std::string& name, const std::vector<int64_t>& shape) const {
    onnx::ValueInfoProto info;
    info.set_name(name);
    info.mutable_type()->mutable_tensor_type()->set_elem_type(like_.data_type());
    for (const int64_t size : shape)
      info.mutable_type()->mutable_tensor_type()->mutable_shape()->add_dim()->set_dim_value(size);
    return info;
  }
  void AddInput(const Value& value) {
    std::vector<int64_t> shape = {1, value.channels};
    shape.insert(shape.end(), value.spatial.begin(), value.spatial.end());
    *graph_.add_input() = Typed(value.name, shape);
  }
  void AddOutput(const std::string& name) {
    onnx::ValueInfoProto info;
    info.set_name(name);
    info.mutable_type()->mutable_tensor_type()->set_elem_type(like_.data_type());
    *graph_.add_output() = info;
  }
  // What the oldest format demands.
  void ListWeightsAsInputs() {
    if (model_.ir_version() >= 4) return;
    for (const onnx::TensorProto& tensor : graph_.initializer()) {
      onnx::ValueInfoProto info = Typed(tensor.name(), TensorShape(tensor));
      info.mutable_type()->mutable_tensor_type()->set_elem_type(tensor.data_type());
      *graph_.add_input() = info;
    }
  }

  onnx::NodeProto& Node(const char* op, const std::vector<std::string>& inputs, const std::string& output) {
    onnx::NodeProto& node = *graph_.add_node();
    node.set_op_type(op);
    if (choices_.OneIn(2)) node.set_name(absl::StrCat("/", op, "_", output));
    for (const std::string& input : inputs) node.add_input(input);
    node.add_output(output);
    return node;
  }
  static void SetInts(onnx::NodeProto& node, const char* name, const std::vector<int64_t>& values) {
    onnx::AttributeProto& attribute = *node.add_attribute();
    attribute.set_name(name);
    attribute.set_type(onnx::AttributeProto::INTS);
    for (const int64_t value : values) attribute.add_ints(value);
  }
  static void SetInt(onnx::NodeProto& node, const char* name, int64_t value) {
    onnx::AttributeProto& attribute = *node.add_attribute();
    attribute.set_name(name);
    attribute.set_type(onnx::AttributeProto::INT);
    attribute.set_i(value);
  }

  double Normal() { return std::normal_distribution<double>()(numbers_); }
  Matrix Normals(int64_t rows, int64_t cols) {
    Matrix matrix(rows, cols);
    for (int64_t i = 0; i < matrix.size(); ++i) matrix.data()[i] = Normal();
    return matrix;
  }

  // Makes these numbers a value that a node can read.
  std::string Weight(const Shape& shape, const std::vector<double>& values) {
    const std::string name = Fresh("w");
    const onnx::TensorProto tensor = EncodeFloats(name, shape, values, like_).value();
    const int64_t place = choices_.Below(6);
    if (place == 1) {  // in a Constant node
      onnx::NodeProto& node = Node("Constant", {}, name);
      onnx::AttributeProto& attribute = *node.add_attribute();
      attribute.set_name("value");
      attribute.set_type(onnx::AttributeProto::TENSOR);
      *attribute.mutable_t() = tensor;
      return name;
    }
    *graph_.add_initializer() = tensor;
    if (place != 2) return name;
    const std::string behind = Fresh("i");
    Node("Identity", {name}, behind);
    return behind;
  }
  std::string Vector(int64_t size, double low, double high) {
    std::vector<double> values(static_cast<size_t>(size));
    for (double& value : values) value = std::uniform_real_distribution<double>(low, high)(numbers_);
    return Weight({size}, values);
  }

  // Weights of one group.
  Matrix Kernel(int64_t out, int64_t in, int64_t taps) {
    Matrix weight = Normals(out, in * taps);
    if (kind_ == WeightKind::kSeparable) {
      Matrix depthwise = Normals(in, taps);
      if (choices_.OneIn(2)) depthwise = depthwise.row(0).replicate(in, 1).eval();  // also exact pointwise first
      const Matrix pointwise = Normals(out, in);
      for (int64_t o = 0; o < out; ++o) {
        for (int64_t i = 0; i < in; ++i) weight.row(o).segment(i * taps, taps) = pointwise(o, i) * depthwise.row(i);
      }
    } else if (kind_ == WeightKind::kLowRank) {
      weight = Normals(out, 4) * Normals(4, in * taps) / 2;
    }
    return weight / std::sqrt(static_cast<double>(in * taps));
  }

  struct SharedWeight {
    Shape shape;
    int64_t groups = 1;
    std::string name;
  };
  std::string ConvWeight(const Shape& shape, int64_t groups) {
    for (const SharedWeight& earlier : conv_weights_) {
      // A weight that is special group by group is not when the groups are others.
      const bool fits = earlier.shape == shape && (kind_ == WeightKind::kAny || earlier.groups == groups);
      if (fits && choices_.OneIn(3)) return earlier.name;
    }
    const int64_t taps = std::accumulate(shape.begin() + 2, shape.end(), int64_t{1}, std::multiplies<>());
    std::vector<double> values;
    for (int64_t g = 0; g < groups; ++g) {
      const Matrix part = Kernel(shape[0] / groups, shape[1], taps);
      values.insert(values.end(), part.data(), part.data() + part.size());
    }
    conv_weights_.push_back({shape, groups, Weight(shape, values)});
    return conv_weights_.back().name;
  }

  int64_t Groups(int64_t channels) {
    std::vector<int64_t> divisors = {1, 1, channels};
    if (channels % 2 == 0) divisors.push_back(2);
    if (channels % 4 == 0) divisors.push_back(4);
    return choices_.Of(divisors);
  }

  struct Window {
    std::vector<int64_t> kernel, stride, dilation, begin, end, out;
    const char* automatic = "";  // a value of auto_pad
  };
  // One that fits `spatial`.
  Window PickWindow(const std::vector<int64_t>& spatial) {
    Window window;
    window.automatic = choices_.Of<const char*>({"", "SAME_UPPER", "", "SAME_LOWER", "", "VALID", ""});
    const bool explicit_pads = *window.automatic == '\0', same = *window.automatic == 'S';
    for (const int64_t size : spatial) {
      int64_t kernel = choices_.Of<int64_t>({3, 1, 3, 2, 5});
      int64_t dilation = explicit_pads ? choices_.Of<int64_t>({1, 1, 1, 2}) : 1;
      const int64_t stride = choices_.Of<int64_t>({1, 1, 2});
      const int64_t begin = explicit_pads ? choices_.Of<int64_t>({kernel / 2, 0, 1, 2}) : 0;
      const int64_t end = explicit_pads ? choices_.Of<int64_t>({begin, 0, 1}) : 0;
      const int64_t padded = size + begin + end;
      if ((kernel - 1) * dilation + 1 > padded) kernel = dilation = 1;
      window.kernel.push_back(kernel);
      window.stride.push_back(stride);
      window.dilation.push_back(dilation);
      window.begin.push_back(begin);
      window.end.push_back(end);
      window.out.push_back(same ? (size + stride - 1) / stride : (padded - (kernel - 1) * dilation - 1) / stride + 1);
    }
    return window;
  }

  // Attributes at their default are given now and then.
  void SetWindow(const Window& window, onnx::NodeProto& node) {
    const std::vector<int64_t> ones(window.kernel.size(), 1), zeros(2 * window.kernel.size(), 0);
    if (choices_.OneIn(2)) SetInts(node, "kernel_shape", window.kernel);
    if (window.stride != ones || choices_.OneIn(4)) SetInts(node, "strides", window.stride);
    if (window.dilation != ones || choices_.OneIn(4)) SetInts(node, "dilations", window.dilation);
    if (*window.automatic != '\0') {
      onnx::AttributeProto& attribute = *node.add_attribute();
      attribute.set_name("auto_pad");
      attribute.set_type(onnx::AttributeProto::STRING);
      attribute.set_s(window.automatic);
      return;
    }
    std::vector<int64_t> pads = window.begin;
    for (const int64_t pad : window.end) pads.push_back(pad);
    if (pads != zeros || choices_.OneIn(4)) SetInts(node, "pads", pads);
  }

  Value Convolution(const Value& x) {
    Value y{Fresh("c"), choices_.Of<int64_t>({16, 24, 8, 32, 12}), {}};
    const int64_t groups = Groups(x.channels);
    if (y.channels % groups != 0) y.channels = groups * (1 + choices_.Below(2));
    const Window window = PickWindow(x.spatial);
    y.spatial = window.out;
    Shape shape = {y.channels, x.channels / groups};
    for (const int64_t size : window.kernel) shape.push_back(size);
    std::vector<std::string> inputs = {x.name, ConvWeight(shape, groups)};
    const int64_t bias = choices_.Below(4);
    if (bias < 2) inputs.push_back(Vector(y.channels, -0.5, 0.5));
    if (bias == 2) inputs.emplace_back("");
    onnx::NodeProto& node = Node("Conv", inputs, y.name);
    if (groups != 1 || choices_.OneIn(4)) SetInt(node, "group", groups);
    SetWindow(window, node);
    return y;
  }

  Value Normalization(const Value& x) {
    Value y = x;
    y.name = Fresh("b");
    const std::vector<std::string> inputs = {x.name, Vector(x.channels, 0.5, 1.5), Vector(x.channels, -1, 1),
                                             Vector(x.channels, -1, 1), Vector(x.channels, 0.5, 1.5)};
    Node("BatchNormalization", inputs, y.name);
    return y;
  }

  Value Activation(const Value& x) {
    Value y = x;
    y.name = Fresh("a");
    Node(choices_.Of<const char*>({"Relu", "LeakyRelu", "Sigmoid", "Identity", "Tanh"}), {x.name}, y.name);
    return y;
  }

  // A scale or shift per channel, or of everything.
  Value Affine(const Value& x) {
    Value y = x;
    y.name = Fresh("s");
    Shape shape(x.spatial.size() + 1, 1);
    if (choices_.OneIn(2)) shape[0] = x.channels;
    std::vector<double> values(static_cast<size_t>(ElementCount(shape)));
    for (double& value : values) value = std::uniform_real_distribution<double>(0.5, 1.5)(numbers_);
    std::vector<std::string> inputs = {x.name, Weight(shape, values)};
    const char* op = choices_.Of<const char*>({"Mul", "Add", "Sub", "Div"});
    if (choices_.OneIn(3) && op != std::string("Div")) std::swap(inputs[0], inputs[1]);
    Node(op, inputs, y.name);
    return y;
  }

  Value Pool(const Value& x) {
    if (*std::min_element(x.spatial.begin(), x.spatial.end()) < 2) return Activation(x);
    Value y = x;
    y.name = Fresh("p");
    for (int64_t& size : y.spatial) size /= 2;
    onnx::NodeProto& node = Node(choices_.OneIn(2) ? "MaxPool" : "AveragePool", {x.name}, y.name);
    SetInts(node, "kernel_shape", std::vector<int64_t>(x.spatial.size(), 2));
    SetInts(node, "strides", std::vector<int64_t>(x.spatial.size(), 2));
    return y;
  }

  // With an earlier value that fits.
  Value Join(const Value& x) {
    for (const Value& other : live_) {
      if (other.name == x.name || other.spatial != x.spatial) continue;
      if (other.channels == x.channels && !choices_.OneIn(3)) {
        Value y = x;
        y.name = Fresh("j");
        Node("Add", {other.name, x.name}, y.name);
        return y;
      }
      if (other.channels + x.channels > 64) continue;
      Value y{Fresh("k"), other.channels + x.channels, x.spatial};
      SetInt(Node("Concat", {other.name, x.name}, y.name), "axis", 1);
      return y;
    }
    return Convolution(x);
  }

  Value Layer(const Value& x) {
    switch (choices_.Below(9)) {
      case 0:
      case 1:
      case 2:
        return Convolution(x);
      case 3:
        return Normalization(Convolution(x));
      case 4:
        return Activation(Convolution(x));
      case 5:
        return Affine(Convolution(x));
      case 6:
        return Pool(x);
      case 7:
        return Join(Convolution(x));
      default:
        return Join(x);
    }
  }

  std::string Classifier(const Value& x) {
    const std::string pooled = Fresh("g"), flat = Fresh("f"), y = Fresh("y");
    Node("GlobalAveragePool", {x.name}, pooled);
    Node("Flatten", {pooled}, flat);
    const int64_t classes = 10 + choices_.Below(30);
    const bool transposed = choices_.OneIn(2), product = choices_.OneIn(3);
    const Matrix kernel = Kernel(classes, x.channels, 1);
    const Matrix stored = transposed && !product ? kernel : Matrix(kernel.transpose());
    const std::string weight =
        Weight({stored.rows(), stored.cols()}, std::vector<double>(stored.data(), stored.data() + stored.size()));
    if (product) {
      const std::string sum = Fresh("m");
      Node("MatMul", {flat, weight}, sum);
      Node("Add", {sum, Vector(classes, -1, 1)}, y);
    } else {
      onnx::NodeProto& node = Node("Gemm", {flat, weight, Vector(classes, -1, 1)}, y);
      if (transposed) SetInt(node, "transB", 1);
    }
    return y;
  }

  Choices& choices_;
  WeightKind kind_;
  std::mt19937 numbers_;
  onnx::TensorProto like_;
  onnx::ModelProto model_;
  onnx::GraphProto graph_;
  int64_t opset_ = 0;
  int count_ = 0;
  std::vector<Value> live_;
  std::vector<SharedWeight> conv_weights_;
};

}  // namespace

onnx::ModelProto RandomNetwork(Choices& choices, WeightKind kind, int32_t data_type) {
  return Builder(choices, kind, data_type).Build();
}

}  // namespace cnnopt::testing
