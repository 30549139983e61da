#include "batch/sidecar.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "batch/zoo.h"
#include "onnx_io/file_io.h"
#include "onnx_io/model_file.h"
#include "runtime/read_file.h"

namespace cnnopt {
namespace {
constexpr int64_t kMostBytes = 1 << 20;
}  // namespace

std::string SidecarPath(const std::string& output) { return absl::StrCat(output, ".cnnopt.json"); }

std::optional<Record> ReadSidecar(const std::string& output) {
  const absl::StatusOr<std::string> text = ReadFile(SidecarPath(output), kMostBytes);
  if (!text.ok()) return std::nullopt;
  absl::StatusOr<Record> record = ParseRecord(absl::StripSuffix(*text, "\n"));
  if (!record.ok()) return std::nullopt;
  return *std::move(record);
}

absl::Status WriteSidecar(const Record& record, const std::string& output) {
  return WriteFileAtomically(absl::StrCat(RenderRecord(record), "\n"), SidecarPath(output));
}

bool IsStillGood(const Record& record, const std::string& output, const std::string& key, int64_t tries) {
  if (record.key != key || !IsTerminal(record, tries)) return false;
  if (record.fate != Fate::kOk) return true;
  const absl::StatusOr<ModelDigest> found = DigestModel(output);
  return found.ok() && found->sha256 == record.output_sha256 && found->data_sha256 == record.output_data_sha256;
}

}  // namespace cnnopt
