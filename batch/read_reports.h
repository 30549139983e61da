// The reports of many attempts, folded into one.
#ifndef CNNOPT_BATCH_READ_REPORTS_H_
#define CNNOPT_BATCH_READ_REPORTS_H_

#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "batch/record.h"

namespace cnnopt {

struct Reports {
  ReportHeader header;                    // the manifest that all are of, and every folder of outputs
  std::map<std::string, Record> records;  // by path
};

// Adds one record or one report to `reports`. Any order, any grouping and any repetition come to the same.
void AddRecord(const Record& record, Reports& reports);
// The file at `path`; a last line that was not completed does not count. Errors, which name file and line:
// InvalidArgument (no report, damaged, of another manifest), else as InputFile.
absl::Status AddReport(const std::string& path, Reports& reports);

// The files that `paths` name: each itself, or of a folder all below it that end in .jsonl. Errors: as FilesBelow.
absl::StatusOr<std::vector<std::string>> ReportFiles(const std::vector<std::string>& paths);

// The text of the one report that `reports` come to.
std::string RenderReports(const Reports& reports);

}  // namespace cnnopt

#endif  // CNNOPT_BATCH_READ_REPORTS_H_
