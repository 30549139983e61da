// One line of a report: what became of one model. Plain data and JSON.
#ifndef CNNOPT_BATCH_RECORD_H_
#define CNNOPT_BATCH_RECORD_H_

#include <cstdint>
#include <optional>
#include <set>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace cnnopt {

enum class Fate {
  kOk,        // the output stands there
  kRejected,  // the model or its result was refused, as it would be again
  kCrashed,   // a signal, too slow, out of memory, a failed write: another try may end better
};
const char* FateWord(Fate fate);

struct Record {
  std::string path;  // within the zoo
  std::string key;   // of input, options and version: see ModelKey
  Fate fate = Fate::kCrashed;
  bool skipped = false;                     // the line repeats what an earlier run recorded
  std::string verdict;                      // of the child's report; "": there was none
  std::string reason;                       // why it was not slimmed
  int code = 0;                             // the child's exit code; minus the signal's number when one ended it
  std::string input_sha256, output_sha256;  // of the .onnx files
  std::string output_data_sha256;           // of what the output has in other files; "": nothing
  std::optional<int64_t> macs_before, macs_after, params_before, params_after, bytes_before, bytes_after;
  std::optional<double> relative_error, top1_agreement, latency_ratio;
  double seconds = 0;
  int64_t peak_bytes = 0;
  std::string attempt;  // of the run that came to this end
  int64_t shard = 0;
  std::set<std::string> crashes;  // every try that crashed, by any run
  std::set<std::string> outputs;  // the SHA-256 of every output that was written; two are an alarm
};

// One line of JSON without '\n', fields in a fixed order.
std::string RenderRecord(const Record& record);
// Errors: InvalidArgument, which says what is wrong.
absl::StatusOr<Record> ParseRecord(absl::string_view line);

// What two lines about one model come to: ok before rejected before crashed, of equals the one whose text comes first;
// the crashes and outputs of both. The order and the number of lines do not matter.
Record Fold(const Record& a, const Record& b);

// Whether no further run is to try the model: it is ok or rejected, or crashed `tries` times.
bool IsTerminal(const Record& record, int64_t tries);

// The first line of a report.
struct ReportHeader {
  std::string manifest;        // its SHA-256
  std::set<std::string> outs;  // folders that outputs were written to
};
std::string RenderReportHeader(const ReportHeader& header);
absl::StatusOr<ReportHeader> ParseReportHeader(absl::string_view line);

}  // namespace cnnopt

#endif  // CNNOPT_BATCH_RECORD_H_
