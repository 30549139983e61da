// A report made by hand, for the tests of everything that renders one.
#ifndef CNNOPT_TESTS_REPORT_SAMPLE_REPORT_H_
#define CNNOPT_TESTS_REPORT_SAMPLE_REPORT_H_

#include "passes/slim.h"
#include "report/json.h"

namespace cnnopt {

inline LayerReport SlimmedLayer(const std::string& name) {
  LayerReport layer;
  layer.name = name;
  layer.op = "Conv";
  layer.was = "3x3 64->128 /2";
  layer.now = "dsc rank 2";
  layer.macs_before = 18'874'368;
  layer.macs_after = 5'000'000;
  layer.params_before = 73'856;
  layer.params_after = 17'600;
  layer.form = "dsc";
  layer.rank = 2;
  layer.weight_error = 0.0123;
  layer.refitted = true;
  return layer;
}

inline LayerReport KeptLayer(const std::string& name, const std::string& reason) {
  LayerReport layer;
  layer.name = name;
  layer.op = "Conv";
  layer.was = "1x1 64->64";
  layer.reason = reason;
  layer.macs_before = layer.macs_after = 1'000'000;
  layer.params_before = layer.params_after = 4160;
  return layer;
}

inline SlimReport SampleReport() {
  SlimReport report;
  report.verdict = Verdict::kSlimmed;
  report.layers = {KeptLayer("stem", "1x1 kernel: dsc needs a kernel"), SlimmedLayer("layer1/conv"),
                   KeptLayer("head", "1x1 kernel: dsc needs a kernel"),
                   KeptLayer("tail", "would pass the error bound of 0.05")};
  report.layers[3].macs_before = report.layers[3].macs_after = std::nullopt;
  report.cleanups = {"BatchNormalization 'bn1' folded into Conv 'stem'"};
  report.before = {59'650'000, 394'180, 1'587'177};
  report.after = {29'610'000, 172'300, 700'000};
  report.verified = true;
  report.comparison = Comparison{};
  report.comparison->outputs = {OutputComparison{"logits", 0.0432, 0.5, 0.99, 0.984375, 0, 64},
                                OutputComparison{"features", 0.01, 0.25, 0.995, std::nullopt, 0, 0}};
  report.comparison->relative_error = 0.0432;
  report.comparison->max_abs = 0.5;
  report.comparison->cosine = 0.99;
  report.comparison->top1_agreement = 0.984375;
  report.comparison->top1_rows = 64;
  report.comparison->samples = 32;
  report.bounds = {0.05, 0.98};
  report.budgets = {{BudgetUnit::kMacs, 29'825'000, 29'610'000}, {BudgetUnit::kBytes, 800'000, 700'123}};
  report.latency = Latency{2.31, 1.55, 0.671, 0.655, 0.69, 3, {2.31, 2.25, 2.5}, {1.55, 1.5, 1.75}};
  report.samples = 32;
  report.fit_samples = 128;
  report.input_shapes = {{"image", {1, 3, 32, 32}}};
  report.runtime_version = "1.32.0";
  report.stages = {{"clean up", 0.25}, {"factorise", 12.5}};
  report.curve = Curve{true, {{59'000'000, 0}, {40'000'000, 0.01}, {20'000'000, 0.25}}, CurvePoint{29'500'000, 0.04}};
  report.sweep = {{0.5, 29'610'000, 0.0432, 0.984375, 0.671, 88.5, "out/slim-0.5.onnx", ""},
                  {0.3, {}, {}, {}, {}, {}, "", "out of reach"}};
  report.score = ScoreChange{88.75, 88.5};
  report.worst_samples = {{14, 0.0625, {2, 1, {0, 0, 0, 255, 255, 255}}}, {4, 0.05, {}}};
  report.warnings = {"BatchNormalization 'bn9': its output is also read by 'add1'"};
  return report;
}

inline ReportContext SampleContext() {
  ReportContext context;
  context.version = "0.1.0";
  context.options = {"--pass=dsc", "--max-error=0.05"};
  context.in = "/home/someone/models/resnet.onnx";
  context.in_facts = {std::string(64, 'a'), 1'587'177};
  context.opset = 13;
  context.ir_version = 7;
  context.out = "out/slim.onnx";
  context.out_facts = FileFacts{std::string(64, 'b'), 700'123};
  context.calibration = "data/cifar.npy";
  context.calibration_sha256 = std::string(64, 'c');
  return context;
}

}  // namespace cnnopt

#endif  // CNNOPT_TESTS_REPORT_SAMPLE_REPORT_H_
