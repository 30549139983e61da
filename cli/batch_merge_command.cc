#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "batch/page.h"
#include "batch/read_reports.h"
#include "batch/tally.h"
#include "cli/batch_commands.h"
#include "onnx_io/model_file.h"
#include "onnx_io/status_macros.h"
#include "report/display.h"

namespace cnnopt {

absl::StatusOr<ExitCode> RunBatchMerge(const SlimArguments& arguments, const Console& console) {
  CNNOPT_ASSIGN_OR_RETURN(const std::vector<std::string> files, From(Origin::kInput, ReportFiles(arguments.positions)));
  Reports reports;
  for (const std::string& file : files) CNNOPT_RETURN_IF_ERROR(From(Origin::kInput, AddReport(file, reports)));
  if (reports.header.manifest.empty()) {
    return From(Origin::kInput, absl::NotFoundError("no report was found, expected files that end in .jsonl"));
  }
  console.out << RenderReports(reports);
  Tally tally;
  for (const auto& [path, record] : reports.records) Add(record, tally);
  if (!arguments.batch.html.empty()) {
    std::vector<Record> records;
    for (const auto& [path, record] : reports.records) records.push_back(record);
    CNNOPT_RETURN_IF_ERROR(From(Origin::kOutput, WriteFileAtomically(BatchPage(records), arguments.batch.html)));
  }
  if (!arguments.quiet) {
    console.err << "cnnopt: " << files.size() << (files.size() == 1 ? " report: " : " reports: ") << CountsText(tally)
                << "\n";
  }
  if (tally.alarms == 0) return kExitDone;
  for (const auto& [path, record] : reports.records) {
    if (record.outputs.size() < 2) continue;
    console.err << "cnnopt: " << ForScreen(path)
                << ": two runs gave different outputs: " << ForScreen(absl::StrJoin(record.outputs, ", ")) << "\n";
  }
  return kExitBatchFailures;
}

}  // namespace cnnopt
