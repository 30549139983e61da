// Time of a 3x3 Conv against its dsc replacements of rank 1 to 4 in ONNX Runtime, one thread, as ratios of alternating
// pairs. Prints a Markdown table.
//
//   build/release/benchmarks/dsc_latency
#include <cstdio>
#include <random>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "onnx/onnx_pb.h"
#include "onnx_io/rewrite.h"
#include "onnx_io/status_macros.h"
#include "onnx_io/text.h"
#include "passes/conv.h"
#include "passes/cost.h"
#include "passes/form.h"
#include "runtime/session.h"
#include "runtime/stopwatch.h"

namespace cnnopt {
namespace {

Conv RandomLayer(int64_t channels) {
  std::mt19937 random(1);
  std::normal_distribution<double> normal;
  Conv conv = PointwiseOutline(2, channels, channels);
  conv.kernel = {3, 3};
  conv.pad_begin = conv.pad_end = {1, 1};
  conv.weight = Matrix::NullaryExpr(channels, channels * 9, [&] { return normal(random); }) / 3.0 / std::sqrt(channels);
  conv.bias = Vector::Zero(channels);
  return conv;
}

// x -> Conv -> Relu six times, all with the same layer: one layer alone would mostly measure the session's overhead.
absl::StatusOr<onnx::ModelProto> Chain(const Conv& conv, int64_t size) {
  std::string nodes;
  for (int i = 0; i < 6; ++i) {
    const std::string input = i == 0 ? "x" : absl::StrCat("r", i - 1);
    absl::StrAppend(&nodes, " c", i, " = Conv<pads = [1,1,1,1]>(", input, ", w, b) r", i, " = Relu(c", i, ")");
  }
  const std::string shape = absl::StrCat("float[1,", conv.in_channels, ",", size, ",", size, "]");
  CNNOPT_ASSIGN_OR_RETURN(onnx::ModelProto model,
                          ParseModel(absl::StrCat("<ir_version: 8, opset_import: [\"\" : 17]> g (", shape, " x) => (",
                                                  shape, " r5) {", nodes, " }")));
  onnx::TensorProto like;
  like.set_data_type(onnx::TensorProto::FLOAT);
  like.set_raw_data("");
  const auto span = [](const auto& m) { return absl::MakeConstSpan(m.data(), static_cast<size_t>(m.size())); };
  CNNOPT_ASSIGN_OR_RETURN(*model.mutable_graph()->add_initializer(),
                          EncodeFloats("w", {conv.out_channels, conv.in_channels, 3, 3}, span(conv.weight), like));
  CNNOPT_ASSIGN_OR_RETURN(*model.mutable_graph()->add_initializer(),
                          EncodeFloats("b", {conv.out_channels}, span(conv.bias), like));
  return model;
}

absl::StatusOr<onnx::ModelProto> Replaced(const onnx::ModelProto& dense, const Replacement& replacement) {
  std::vector<Rewrite> rewrites;
  for (const onnx::NodeProto& node : dense.graph().node()) {
    if (node.op_type() != "Conv") continue;
    CNNOPT_ASSIGN_OR_RETURN(rewrites.emplace_back(),
                            EmitReplacement(replacement, node, dense.graph().initializer(0), "dsc"));
  }
  onnx::ModelProto slim = dense;
  CNNOPT_RETURN_IF_ERROR(ApplyRewrites(rewrites, slim));
  return slim;
}

absl::Status Run() {
  CNNOPT_ASSIGN_OR_RETURN(const std::shared_ptr<const OnnxRuntime> runtime, OnnxRuntime::Open());
  std::printf("ONNX Runtime %s, 1 thread, six layers with Relu, time / time of the dense layers (quartiles)\n\n",
              runtime->version().c_str());
  std::printf("| layer | rank | MACs | time, depthwise first | time, pointwise first |\n|---|---|---|---|---|\n");
  for (const auto& [channels, size] : {std::pair<int64_t, int64_t>{64, 56}, {128, 28}}) {
    const Conv conv = RandomLayer(channels);
    CNNOPT_ASSIGN_OR_RETURN(const onnx::ModelProto dense, Chain(conv, size));
    CNNOPT_ASSIGN_OR_RETURN(const Session before, Session::Create(runtime, dense));
    const std::vector<double> ones(static_cast<size_t>(channels * size * size), 0.5);
    CNNOPT_ASSIGN_OR_RETURN(const Tensor input, FromDoubles(ones, {1, channels, size, size}, onnx::TensorProto::FLOAT));
    for (int64_t rank = 1; rank <= 4; ++rank) {
      std::string cells;
      double macs = 0;
      for (const Form* form : AllForms()) {
        if (form->name() != "dsc") continue;
        const Replacement replacement = form->Fit(conv, {}, rank);
        macs =
            static_cast<double>(Macs(replacement, {size, size}, 1)) / static_cast<double>(Macs(conv, {size, size}, 1));
        CNNOPT_ASSIGN_OR_RETURN(const onnx::ModelProto slim, Replaced(dense, replacement));
        CNNOPT_ASSIGN_OR_RETURN(const Session after, Session::Create(runtime, slim));
        CNNOPT_ASSIGN_OR_RETURN(const Latency latency, TimePairs(before, after, {{"x", input}}));
        absl::StrAppendFormat(&cells, " %.2f (%.2f-%.2f) |", latency.ratio, latency.ratio_low, latency.ratio_high);
      }
      std::printf("| 3x3 %ld->%ld, %ldx%ld | %ld | %.2f |%s\n", channels, channels, size, size, rank, macs,
                  cells.c_str());
    }
  }
  return absl::OkStatus();
}

}  // namespace
}  // namespace cnnopt

int main() {
  const absl::Status status = cnnopt::Run();
  if (!status.ok()) std::fprintf(stderr, "dsc_latency: %s\n", std::string(status.message()).c_str());
  return status.ok() ? 0 : 1;
}
