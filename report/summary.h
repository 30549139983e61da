// The headline figures of a run as text, once for every report that people read.
#ifndef CNNOPT_REPORT_SUMMARY_H_
#define CNNOPT_REPORT_SUMMARY_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "passes/slim.h"

namespace cnnopt {

// "slimmed", "unchanged", "refused".
const char* VerdictWord(Verdict verdict);

// One headline: what the original has, what the result has, how they compare. `after` is empty where there is one
// figure only, `change` and `note` where there is nothing to say.
struct SummaryRow {
  std::string label;   // "MACs"
  std::string before;  // "59.65 M"
  std::string after;   // "29.61 M"
  std::string change;  // "0.496x"
  std::string note;    // "budget 29.82 M"
};
// MACs, parameters, file, time, output error, top-1 agreement, as far as they are known.
std::vector<SummaryRow> Summarise(const SlimReport& report);

// Kept layers that share a reason, in the order in which the reasons come up first.
struct KeptGroup {
  std::string reason;
  int64_t layers = 0;
  std::optional<int64_t> macs;  // of all of them; nullopt: some are unknown
};
std::vector<KeptGroup> GroupKept(const std::vector<LayerReport>& layers);

// A table of `sweep`: its head, and one row for each point. The first column holds words, the others numbers.
std::vector<std::string> SweepHead();
std::vector<std::string> SweepRow(const SweepPoint& point);

// "0.497x"; empty when `before` is 0.
std::string FactorText(int64_t before, int64_t after);
// "18.87 M", "?" when unknown.
std::string CountText(const std::optional<int64_t>& count);
// "0.0432", "not finite".
std::string ErrorText(double error);
// "2.31 ms".
std::string MillisecondsText(double milliseconds);
// "98.4 %".
std::string PercentText(double share);
// Where the samples came from: "32 of cifar.npy, 128 others fitted to". `calibration` is the name of the data.
std::string SamplesText(const SlimReport& report, const std::string& calibration);

}  // namespace cnnopt

#endif  // CNNOPT_REPORT_SUMMARY_H_
