#include "report/summary.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "report/display.h"

namespace cnnopt {
namespace {

std::string FourDigits(int64_t count) { return HumanCount(count, 4); }

std::string NanosecondsText(int64_t nanoseconds) { return MillisecondsText(static_cast<double>(nanoseconds) * 1e-6); }

// "budget 29.82 M" where one was given in `unit`.
std::string BudgetNote(const SlimReport& report, BudgetUnit unit, std::string (*human)(int64_t)) {
  for (const BudgetReport& budget : report.budgets) {
    if (budget.unit == unit) return absl::StrCat("budget ", human(budget.limit));
  }
  return "";
}

SummaryRow Count(const SlimReport& report, const char* label, int64_t before, int64_t after, BudgetUnit unit,
                 std::string (*human)(int64_t)) {
  SummaryRow row{label, human(before), "", "", BudgetNote(report, unit, human)};
  if (report.verdict == Verdict::kUnchanged) return row;
  row.after = human(after);
  row.change = FactorText(before, after);
  return row;
}

SummaryRow Time(const SlimReport& report, const Latency& latency) {
  SummaryRow row;
  row.label = absl::StrCat("Time, ", report.latency_threads, report.latency_threads == 1 ? " thread" : " threads");
  row.before = MillisecondsText(latency.before_ms);
  row.after = MillisecondsText(latency.after_ms);
  const bool tells = latency.ratio_high < 1 || latency.ratio_low > 1;
  row.change = tells ? absl::StrFormat("%.3fx", latency.ratio) : "no measurable change";
  row.note =
      absl::StrFormat("quartiles %.2fx to %.2fx of %d pairs", latency.ratio_low, latency.ratio_high, latency.pairs);
  const std::string budget = BudgetNote(report, BudgetUnit::kNanoseconds, NanosecondsText);
  if (!budget.empty()) absl::StrAppend(&row.note, ", ", budget);
  return row;
}

void AddComparison(const SlimReport& report, std::vector<SummaryRow>& rows) {
  const Comparison& comparison = *report.comparison;
  SummaryRow& error = rows.emplace_back();
  error.label = "Output error";
  error.before = ErrorText(comparison.relative_error);
  if (report.bounds.max_error.has_value()) error.note = absl::StrFormat("bound %g", *report.bounds.max_error);
  if (comparison.top1_agreement.has_value()) {
    SummaryRow& top = rows.emplace_back();
    top.label = "Top-1 agreement";
    top.before = PercentText(*comparison.top1_agreement);
    top.note = absl::StrCat("of ", comparison.top1_rows);
    if (report.bounds.min_agreement.has_value()) {
      absl::StrAppend(&top.note, absl::StrFormat(", bound %g %%", 100 * *report.bounds.min_agreement));
    }
  }
  if (comparison.new_nonfinite > 0) {
    rows.push_back({"Not finite", absl::StrCat(comparison.new_nonfinite), "", "",
                    "output elements that are finite in the original"});
  }
}

}  // namespace

const char* VerdictWord(Verdict verdict) {
  switch (verdict) {
    case Verdict::kSlimmed:
      return "slimmed";
    case Verdict::kUnchanged:
      return "unchanged";
    case Verdict::kRefused:
      return "refused";
  }
  return "";
}

std::vector<SummaryRow> Summarise(const SlimReport& report) {
  std::vector<SummaryRow> rows;
  if (report.before.macs.has_value() && report.after.macs.has_value()) {
    rows.push_back(Count(report, "MACs", *report.before.macs, *report.after.macs, BudgetUnit::kMacs, FourDigits));
  }
  rows.push_back(
      Count(report, "Parameters", report.before.params, report.after.params, BudgetUnit::kParams, FourDigits));
  rows.push_back(Count(report, "File", report.before.bytes, report.after.bytes, BudgetUnit::kBytes, HumanBytes));
  if (report.latency.has_value()) rows.push_back(Time(report, *report.latency));
  if (report.comparison.has_value()) AddComparison(report, rows);
  return rows;
}

std::vector<KeptGroup> GroupKept(const std::vector<LayerReport>& layers) {
  std::vector<KeptGroup> groups;
  std::map<std::string, size_t> places;
  for (const LayerReport& layer : layers) {
    if (!layer.now.empty()) continue;
    const auto [place, is_new] = places.emplace(layer.reason, groups.size());
    if (is_new) groups.push_back({layer.reason, 0, 0});
    KeptGroup& group = groups[place->second];
    ++group.layers;
    group.macs = group.macs.has_value() && layer.macs_before.has_value()
                     ? std::optional<int64_t>(*group.macs + *layer.macs_before)
                     : std::nullopt;
  }
  return groups;
}

std::vector<std::string> SweepHead() {
  return {"file", "target", "MACs", "output error", "top-1 agreement", "time", "score"};
}

std::vector<std::string> SweepRow(const SweepPoint& point) {
  return {!point.file.empty()    ? BaseName(point.file)
          : point.reason.empty() ? "none"
                                 : point.reason,
          absl::StrCat(point.target),
          CountText(point.macs),
          point.relative_error.has_value() ? ErrorText(*point.relative_error) : "",
          point.top1_agreement.has_value() ? PercentText(*point.top1_agreement) : "",
          point.latency_ratio.has_value() ? absl::StrFormat("%.3fx", *point.latency_ratio) : "",
          point.score.has_value() ? absl::StrCat(*point.score) : ""};
}

std::string FactorText(int64_t before, int64_t after) {
  if (before <= 0) return "";
  return absl::StrFormat("%.3fx", static_cast<double>(after) / static_cast<double>(before));
}

std::string CountText(const std::optional<int64_t>& count) { return count.has_value() ? HumanCount(*count) : "?"; }

std::string ErrorText(double error) { return std::isfinite(error) ? absl::StrFormat("%.4f", error) : "not finite"; }

std::string MillisecondsText(double milliseconds) {
  std::string digits = absl::StrFormat("%#.3g", milliseconds);
  if (digits.back() == '.') digits.pop_back();
  return absl::StrCat(digits, " ms");
}

std::string PercentText(double share) { return absl::StrFormat("%.1f %%", 100 * share); }

std::string SamplesText(const SlimReport& report, const std::string& calibration) {
  if (report.samples == 0) return "none: nothing was run";
  std::string text = absl::StrCat(report.samples, report.synthetic ? " synthetic, made up" : " of ");
  if (!report.synthetic) absl::StrAppend(&text, BaseName(calibration));
  if (report.fit_samples > 0) absl::StrAppend(&text, ", ", report.fit_samples, " others fitted to");
  return text;
}

}  // namespace cnnopt
