#include "job/sweep.h"

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "job/exit_code.h"
#include "job/output_files.h"
#include "onnx_io/status_macros.h"
#include "report/columns.h"
#include "report/display.h"
#include "report/summary.h"

namespace cnnopt {
namespace {

constexpr int kResolution = 2;  // hundredths of the original's cost

// `arguments` with `target` as their only budget: on MACs, or on parameters where those are unknown.
SlimArguments WithTarget(SlimArguments arguments, double target, bool in_macs) {
  arguments.evaluate.clear();
  arguments.labels.clear();
  arguments.sweep.clear();
  arguments.max_drop = std::nullopt;
  arguments.lower_is_better = false;
  (in_macs ? arguments.target_macs : arguments.target_params) = target;
  return arguments;
}

// The report of a search that found nothing: every layer as it was.
void MakeUnchanged(const std::string& reason, Outcome& outcome) {
  SlimReport& report = outcome.report;
  report.verdict = Verdict::kUnchanged;
  report.reason = reason;
  report.after = report.before;
  report.cleanups.clear();
  report.budgets.clear();
  report.comparison = std::nullopt;
  report.latency = std::nullopt;
  report.verified = false;
  for (LayerReport& layer : report.layers) {
    if (!layer.now.empty()) layer.reason = "costs more of the score than may be lost";
    layer.now = layer.form = "";
    layer.rank = std::nullopt;
    layer.macs_after = layer.macs_before;
    layer.params_after = layer.params_before;
    layer.weight_error = 0;
    layer.refitted = false;
  }
  outcome.model.Clear();
  outcome.score = std::nullopt;
}

std::string Words(const Outcome& outcome, double target) {
  const std::string score = outcome.score.has_value()       ? absl::StrFormat("score %g", *outcome.score)
                            : outcome.report.reason.empty() ? "done"
                                                            : outcome.report.reason;
  return absl::StrFormat("target %g: %s", target, score);
}

}  // namespace

std::string PointPath(const std::string& path, double target) {
  if (path.empty()) return path;
  const size_t name = path.rfind('/') == std::string::npos ? 0 : path.rfind('/') + 1;
  const size_t dot = path.rfind('.');
  const size_t end = dot == std::string::npos || dot <= name ? path.size() : dot;
  return absl::StrCat(path.substr(0, end), "-", ShortestText(target), path.substr(end));
}

absl::StatusOr<Outcome> Try(const Trials& trials, double target) {
  Outcome outcome;
  outcome.arguments = WithTarget(trials.arguments, target, trials.job.original().macs.has_value());
  outcome.context = trials.context;
  outcome.context.options = CanonicalOptions(outcome.arguments, trials.context.calibration_sha256);
  CNNOPT_ASSIGN_OR_RETURN(outcome.report, From(Origin::kSlim, trials.job.Run(outcome.arguments, outcome.model)));
  if (trials.score && outcome.report.verdict == Verdict::kSlimmed) {
    CNNOPT_ASSIGN_OR_RETURN(outcome.score, From(Origin::kUsage, trials.score(outcome.model)));
  }
  if (trials.tell) trials.tell(Words(outcome, target));
  return outcome;
}

SweepPoint PointOf(const Outcome& outcome, double target) {
  const SlimReport& report = outcome.report;
  SweepPoint point;
  point.target = target;
  point.reason = report.reason;
  if (report.verdict == Verdict::kRefused) return point;
  point.macs = report.after.macs;
  point.score = outcome.score;
  if (report.comparison.has_value()) {
    point.relative_error = report.comparison->relative_error;
    point.top1_agreement = report.comparison->top1_agreement;
  }
  if (report.latency.has_value()) point.latency_ratio = report.latency->ratio;
  if (outcome.context.out_facts.has_value()) point.file = BaseName(outcome.context.out);
  return point;
}

absl::StatusOr<Outcome> FindSlimmest(const Trials& trials, double original, double max_drop, bool lower_is_better) {
  const auto keeps = [&](const Outcome& outcome) {
    if (!outcome.score.has_value()) return false;
    return lower_is_better ? *outcome.score <= original + max_drop : *outcome.score >= original - max_drop;
  };
  std::vector<SweepPoint> sweep;
  std::optional<Outcome> best, last;
  int good = 100, bad = 0;
  while (good - bad > kResolution) {
    const int middle = (good + bad) / 2;
    const double target = middle / 100.0;
    CNNOPT_ASSIGN_OR_RETURN(Outcome outcome, Try(trials, target));
    sweep.push_back(PointOf(outcome, target));
    const bool kept = keeps(outcome);
    (kept ? good : bad) = middle;
    (kept ? best : last) = std::move(outcome);
  }
  if (!best.has_value()) {
    best = std::move(last);
    MakeUnchanged(absl::StrFormat("no budget keeps the score of %g to %g: see the trials", original, max_drop), *best);
  }
  std::sort(sweep.begin(), sweep.end(), [](const SweepPoint& a, const SweepPoint& b) { return a.target < b.target; });
  best->report.sweep = std::move(sweep);
  return *std::move(best);
}

std::string RenderSweep(const std::vector<SweepPoint>& sweep, size_t width, bool color) {
  std::vector<std::vector<std::string>> rows = {SweepHead()};
  for (const SweepPoint& point : sweep) {
    std::vector<std::string>& row = rows.emplace_back(SweepRow(point));
    if (point.file.empty()) row[0] = "none";  // reasons are longer than columns
    for (std::string& cell : row) cell = ForScreen(cell);
  }
  ColumnsOptions options;
  options.width = width;
  options.color = color;
  return RenderColumns(rows, options);
}

}  // namespace cnnopt
