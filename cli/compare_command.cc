#include "cli/compare_command.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "job/compare_job.h"
#include "onnx_io/model_file.h"
#include "onnx_io/status_macros.h"
#include "report/columns.h"
#include "report/display.h"

namespace cnnopt {
namespace {

using Rows = std::vector<std::vector<std::string>>;

std::string Number(double number) { return absl::StrFormat("%.3g", number); }

std::string PercentOrNone(const std::optional<double>& share) {
  return share.has_value() ? absl::StrFormat("%.1f %%", 100 * *share) : "-";
}

std::string Ratio(double a, double b) { return a > 0 ? absl::StrFormat("%.3fx", b / a) : ""; }

std::string SizesText(const ComparedModels& models, size_t width) {
  const Totals &a = models.a_facts.totals, &b = models.b_facts.totals;
  const auto count = [](int64_t number) { return HumanCount(number); };
  Rows rows = {{"", "A", "B", "B / A"}};
  if (a.macs.has_value() && b.macs.has_value()) {
    rows.push_back(
        {"MACs", count(*a.macs), count(*b.macs), Ratio(static_cast<double>(*a.macs), static_cast<double>(*b.macs))});
  }
  rows.push_back({"parameters", count(a.params), count(b.params),
                  Ratio(static_cast<double>(a.params), static_cast<double>(b.params))});
  rows.push_back({"file", HumanBytes(a.bytes), HumanBytes(b.bytes),
                  Ratio(static_cast<double>(a.bytes), static_cast<double>(b.bytes))});
  if (models.latency.has_value()) {
    const Latency& time = *models.latency;
    rows.push_back({"ms, 1 thread", absl::StrFormat("%#.3g", time.before_ms), absl::StrFormat("%#.3g", time.after_ms),
                    absl::StrFormat("%.3fx (%.2fx to %.2fx)", time.ratio, time.ratio_low, time.ratio_high)});
  }
  return RenderColumns(rows, {width});
}

std::string OutputsText(const ComparedModels& models, size_t width) {
  Rows rows = {{"output", "rel. error", "max", "mean", "99 %", "SQNR dB", "cosine", "tolerance"}};
  Rows classes = {{"classifier output", "top-1", "top-5", "margin", "lost margin", "rows"}};
  for (size_t i = 0; i < models.deviations.size(); ++i) {
    const OutputComparison& output = models.comparison.outputs[i];
    const OutputDeviation& more = models.deviations[i];
    const std::string name = ForScreen(output.name);
    rows.push_back({name, Number(output.relative_error), Number(output.max_abs), Number(more.mean_abs),
                    Number(more.p99), absl::StrFormat("%.1f", more.sqnr_db), absl::StrFormat("%.5f", output.cosine),
                    Number(more.tolerance)});
    if (!output.top1_agreement.has_value()) continue;
    classes.push_back({name, PercentOrNone(output.top1_agreement), PercentOrNone(more.top5_agreement),
                       Number(more.margin.value_or(0)), Number(more.lost_margin.value_or(0)),
                       absl::StrCat(output.top1_rows)});
  }
  std::string text = RenderColumns(rows, {width});
  if (classes.size() > 1) absl::StrAppend(&text, "\n", RenderColumns(classes, {width}));
  return text;
}

}  // namespace

std::string CompareText(const ComparedModels& models, size_t width) {
  std::string text = absl::StrCat("A  ", ForScreen(models.a), "\nB  ", ForScreen(models.b), "\n\n",
                                  SizesText(models, width), "\n", OutputsText(models, width), "\n");
  if (models.comparison.new_nonfinite > 0) {
    absl::StrAppend(&text, models.comparison.new_nonfinite, " output elements are finite in A and not in B\n");
  }
  absl::StrAppend(&text, "compared on ", models.comparison.samples,
                  models.synthetic ? " made-up samples, --calibration gives real ones\n" : " samples\n");
  return text;
}

absl::StatusOr<ExitCode> RunCompare(const SlimArguments& arguments, const Console& console) {
  const std::string &a = arguments.positions[0], &b = arguments.positions[1];
  const auto read = [&]() -> absl::StatusOr<std::pair<ModelFile, ModelFile>> {
    std::pair<ModelFile, ModelFile> both;
    CNNOPT_ASSIGN_OR_RETURN(both.first, ReadModel(a));
    CNNOPT_ASSIGN_OR_RETURN(both.second, ReadModel(b));
    return both;
  };
  CNNOPT_ASSIGN_OR_RETURN(const ComparedModels models, CompareModels(arguments, a, b, read));
  console.out << (arguments.json ? CompareJson(models) : CompareText(models, console.width));
  if (models.objection.empty()) return kExitDone;
  console.err << "cnnopt: " << ForScreen(models.objection) << "\n";
  return kExitVerification;
}

}  // namespace cnnopt
