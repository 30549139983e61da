#include "batch/tally.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "report/columns.h"
#include "report/display.h"
#include "report/summary.h"

namespace cnnopt {
namespace {

constexpr size_t kFew = 40;         // models that are all listed
constexpr size_t kMostFailed = 20;  // of many that failed

void AddPair(const std::optional<int64_t>& before, const std::optional<int64_t>& after, int64_t& sum_before,
             int64_t& sum_after) {
  if (!before.has_value() || !after.has_value()) return;
  sum_before += *before;
  sum_after += *after;
}

std::string Factor(const std::optional<int64_t>& before, const std::optional<int64_t>& after) {
  return before.has_value() && after.has_value() && *before > 0 ? FactorText(*before, *after) : "";
}

std::vector<std::string> Row(const Record& record) {
  const bool ok = record.fate == Fate::kOk;
  return {ForScreen(record.path),
          absl::StrCat(EndWord(record), record.skipped ? " before" : ""),
          ok ? Factor(record.macs_before, record.macs_after) : "",
          ok ? Factor(record.bytes_before, record.bytes_after) : "",
          ok && record.relative_error.has_value() ? absl::StrFormat("%.4f", *record.relative_error) : "",
          absl::StrFormat("%.1f", record.seconds)};
}

void AddTotal(const char* name, const std::string& before, const std::string& after, const std::string& factor,
              std::string& text) {
  absl::StrAppendFormat(&text, "%-12s%11s -> %9s  %s\n", name, before, after, factor);
}

}  // namespace

void Add(const Record& record, Tally& tally) {
  tally.skipped += record.skipped ? 1 : 0;
  tally.alarms += record.outputs.size() > 1 ? 1 : 0;
  tally.seconds += record.skipped ? 0 : record.seconds;
  if (record.fate == Fate::kRejected) ++tally.rejected;
  if (record.fate == Fate::kCrashed) ++tally.crashed;
  if (record.fate != Fate::kOk) return;
  ++(record.verdict == "unchanged" ? tally.unchanged : tally.slimmed);
  AddPair(record.macs_before, record.macs_after, tally.macs_before, tally.macs_after);
  AddPair(record.params_before, record.params_after, tally.params_before, tally.params_after);
  AddPair(record.bytes_before, record.bytes_after, tally.bytes_before, tally.bytes_after);
}

const char* EndWord(const Record& record) {
  if (record.fate != Fate::kOk) return FateWord(record.fate);
  return record.verdict == "unchanged" ? "unchanged" : "slimmed";
}

std::string CountsText(const Tally& tally) {
  std::string text = absl::StrCat(tally.slimmed, " slimmed, ", tally.unchanged, " unchanged, ", tally.rejected,
                                  " rejected, ", tally.crashed, " crashed");
  if (tally.skipped > 0) absl::StrAppend(&text, "; ", tally.skipped, " of them before");
  if (tally.alarms > 0) absl::StrAppend(&text, "; ", tally.alarms, " with different outputs");
  return text;
}

std::string BatchTable(const std::vector<Record>& records, int64_t left, size_t width, bool verbose) {
  Tally tally;
  for (const Record& record : records) Add(record, tally);
  const bool all = verbose || records.size() <= kFew;
  const size_t most = all ? records.size() : kMostFailed;
  std::vector<std::vector<std::string>> rows = {{"model", "", "MACs", "file", "error", "seconds"}};
  std::string reasons;
  for (const Record& record : records) {
    if (rows.size() > most) break;
    if (!all && record.fate == Fate::kOk) continue;
    rows.push_back(Row(record));
    if (record.fate == Fate::kOk) continue;
    for (const std::string& line :
         Wrap(absl::StrCat(ForScreen(record.path), ": ", ForScreen(record.reason)), verbose ? 100'000 : width)) {
      absl::StrAppend(&reasons, line, "\n");
    }
  }
  std::string text;
  if (rows.size() > 1) absl::StrAppend(&text, RenderColumns(rows, {verbose ? 100'000 : width}), "\n");
  if (!reasons.empty()) absl::StrAppend(&text, reasons, "\n");
  if (!all && tally.failed() > static_cast<int64_t>(most)) {
    absl::StrAppend(&text, "and ", tally.failed() - static_cast<int64_t>(most), " more that failed\n\n");
  }
  absl::StrAppend(&text, absl::StrFormat("%-12s", "models"), CountsText(tally), "\n");
  if (left > 0) absl::StrAppend(&text, absl::StrFormat("%-12s", "left"), left, " were not run\n");
  if (tally.slimmed + tally.unchanged == 0) return text;
  AddTotal("MACs", HumanCount(tally.macs_before), HumanCount(tally.macs_after),
           Factor(tally.macs_before, tally.macs_after), text);
  AddTotal("parameters", HumanCount(tally.params_before), HumanCount(tally.params_after),
           Factor(tally.params_before, tally.params_after), text);
  AddTotal("files", HumanBytes(tally.bytes_before), HumanBytes(tally.bytes_after),
           Factor(tally.bytes_before, tally.bytes_after), text);
  return text;
}

}  // namespace cnnopt
