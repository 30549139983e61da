// Reports of many models: the lines of one attempt, and what is left of several of them.
#ifndef CNNOPT_BATCH_REPORT_FILES_H_
#define CNNOPT_BATCH_REPORT_FILES_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "batch/record.h"

namespace cnnopt {

// Within OUT.
inline constexpr char kReportsFolder[] = "cnnopt-reports";
inline constexpr char kBatchReport[] = "cnnopt-batch";  // .jsonl and .html

// The report of one attempt at a shard: a file that no other process writes, complete up to its last line at any time.
class AttemptReport {
 public:
  // Makes `folder`/`name`.jsonl, which must not exist. Errors: as ErrnoStatus.
  static absl::StatusOr<AttemptReport> Create(const std::string& folder, const std::string& name,
                                              const ReportHeader& header);
  AttemptReport(AttemptReport&& other) noexcept;
  AttemptReport& operator=(AttemptReport&& other) noexcept;
  ~AttemptReport();

  absl::Status Add(const Record& record);

 private:
  AttemptReport(std::string path, int descriptor) : path_(std::move(path)), descriptor_(descriptor) {}
  absl::Status Append(std::string line);

  std::string path_;
  int descriptor_;
};

// The text of a whole report.
std::string RenderReportLines(const ReportHeader& header, const std::vector<Record>& records);

// Replaces the reports of a batch on a folder, JSON lines and HTML, in `out`.
absl::Status WriteBatchReports(const std::string& out, const ReportHeader& header, const std::vector<Record>& records);

}  // namespace cnnopt

#endif  // CNNOPT_BATCH_REPORT_FILES_H_
