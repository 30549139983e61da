#include "batch/read_reports.h"

#include <cstdint>
#include <filesystem>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "batch/line_reader.h"
#include "batch/zoo.h"
#include "onnx_io/quote.h"
#include "onnx_io/status_macros.h"
#include "runtime/folder.h"

namespace cnnopt {
namespace {

absl::Status AddHeader(absl::string_view line, Reports& reports) {
  CNNOPT_ASSIGN_OR_RETURN(const ReportHeader header, ParseReportHeader(line));
  std::string& manifest = reports.header.manifest;
  if (manifest.empty()) manifest = header.manifest;
  if (header.manifest != manifest) {
    return absl::InvalidArgumentError(
        absl::StrCat("it is of manifest ", OneLine(header.manifest), ", expected ", manifest));
  }
  reports.header.outs.insert(header.outs.begin(), header.outs.end());
  return absl::OkStatus();
}

}  // namespace

void AddRecord(const Record& record, Reports& reports) {
  const auto [place, is_new] = reports.records.try_emplace(record.path, record);
  place->second = Fold(place->second, record);
}

absl::Status AddReport(const std::string& path, Reports& reports) {
  CNNOPT_ASSIGN_OR_RETURN(LineReader lines, LineReader::Open(path));
  std::string line;
  for (int64_t number = 1;; ++number) {
    CNNOPT_ASSIGN_OR_RETURN(const bool got, lines.Next(line));
    if (!got) return absl::OkStatus();
    absl::Status status;
    if (number == 1) {
      status = AddHeader(line, reports);
    } else {
      const absl::StatusOr<Record> record = ParseRecord(line);
      if (record.ok()) AddRecord(*record, reports);
      status = record.status();
    }
    if (!status.ok()) {
      return absl::Status(status.code(),
                          absl::StrCat("report ", Quote(path), ", line ", number, ": ", status.message()));
    }
  }
}

absl::StatusOr<std::vector<std::string>> ReportFiles(const std::vector<std::string>& paths) {
  std::vector<std::string> files;
  for (const std::string& path : paths) {
    std::error_code error;
    if (!std::filesystem::is_directory(path, error)) {
      files.push_back(path);
      continue;
    }
    CNNOPT_ASSIGN_OR_RETURN(const std::vector<std::string> below, FilesBelow(path));
    for (const std::string& file : below) {
      if (Extension(file) == "jsonl") files.push_back(Below(path, file));
    }
  }
  return files;
}

std::string RenderReports(const Reports& reports) {
  std::string text = absl::StrCat(RenderReportHeader(reports.header), "\n");
  for (const auto& [path, record] : reports.records) absl::StrAppend(&text, RenderRecord(record), "\n");
  return text;
}

}  // namespace cnnopt
