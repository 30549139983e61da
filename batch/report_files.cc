#include "batch/report_files.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "batch/page.h"
#include "batch/zoo.h"
#include "onnx_io/file_io.h"
#include "onnx_io/model_file.h"
#include "onnx_io/status_macros.h"

namespace cnnopt {

absl::StatusOr<AttemptReport> AttemptReport::Create(const std::string& folder, const std::string& name,
                                                    const ReportHeader& header) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);  // a failure shows in the next line
  const std::string path = absl::StrCat(Below(folder, name), ".jsonl");
  const int descriptor = open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  if (descriptor == -1) return ErrnoStatus(errno, "write", path);
  AttemptReport report(path, descriptor);
  CNNOPT_RETURN_IF_ERROR(report.Append(RenderReportHeader(header)));
  return report;
}

AttemptReport::AttemptReport(AttemptReport&& other) noexcept
    : path_(std::move(other.path_)), descriptor_(std::exchange(other.descriptor_, -1)) {}

AttemptReport& AttemptReport::operator=(AttemptReport&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(descriptor_, other.descriptor_);
  return *this;
}

AttemptReport::~AttemptReport() {
  if (descriptor_ == -1) return;
  fsync(descriptor_);  // every line was written; this is for a power cut
  close(descriptor_);
}

absl::Status AttemptReport::Append(std::string line) {
  line.push_back('\n');
  for (size_t done = 0; done < line.size();) {
    const ssize_t count = write(descriptor_, line.data() + done, line.size() - done);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return ErrnoStatus(errno, "write", path_);
    done += static_cast<size_t>(count);
  }
  return absl::OkStatus();
}

absl::Status AttemptReport::Add(const Record& record) { return Append(RenderRecord(record)); }

std::string RenderReportLines(const ReportHeader& header, const std::vector<Record>& records) {
  std::string text = absl::StrCat(RenderReportHeader(header), "\n");
  for (const Record& record : records) absl::StrAppend(&text, RenderRecord(record), "\n");
  return text;
}

absl::Status WriteBatchReports(const std::string& out, const ReportHeader& header, const std::vector<Record>& records) {
  const std::string path = Below(out, kBatchReport);
  CNNOPT_RETURN_IF_ERROR(WriteFileAtomically(RenderReportLines(header, records), absl::StrCat(path, ".jsonl")));
  return WriteFileAtomically(BatchPage(records), absl::StrCat(path, ".html"));
}

}  // namespace cnnopt
