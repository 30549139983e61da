#include "batch/outcome.h"

#include <sys/wait.h>

#include <cstring>
#include <nlohmann/json.hpp>
#include <optional>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "batch/zoo.h"
#include "job/exit_code.h"
#include "onnx_io/quote.h"
#include "report/display.h"
#include "runtime/read_file.h"

namespace cnnopt {
namespace {

using Json = nlohmann::ordered_json;

constexpr int64_t kMostReportBytes = 1 << 28;

// The last line of what the child had to say, without its name.
std::string LastLine(absl::string_view errors) {
  const std::vector<absl::string_view> lines = absl::StrSplit(absl::StripTrailingAsciiWhitespace(errors), '\n');
  absl::string_view last = lines.back();
  absl::ConsumePrefix(&last, "cnnopt: ");
  return OneLine(last);
}

Json ReadReport(const std::string& path) {
  const absl::StatusOr<std::string> text = ReadFile(path, kMostReportBytes);
  return text.ok() ? Json::parse(*text, nullptr, false) : Json();
}

// The value at a path of names, "totals" "macs" "before"; null when there is none.
Json At(const Json& json, std::initializer_list<const char*> names) {
  const Json* place = &json;
  for (const char* const name : names) {
    if (!place->is_object() || !place->contains(name)) return nullptr;
    place = &(*place)[name];
  }
  return *place;
}

std::string TextAt(const Json& json, std::initializer_list<const char*> names) {
  const Json value = At(json, names);
  return value.is_string() ? value.get<std::string>() : "";
}
std::optional<int64_t> CountAt(const Json& json, std::initializer_list<const char*> names) {
  const Json value = At(json, names);
  return value.is_number_integer() && value.get<int64_t>() >= 0 ? std::optional(value.get<int64_t>()) : std::nullopt;
}
std::optional<double> NumberAt(const Json& json, std::initializer_list<const char*> names) {
  const Json value = At(json, names);
  return value.is_number() ? std::optional(value.get<double>()) : std::nullopt;
}

void TakeFigures(const Json& report, Record& record) {
  record.verdict = TextAt(report, {"verdict"});
  record.macs_before = CountAt(report, {"totals", "macs", "before"});
  record.macs_after = CountAt(report, {"totals", "macs", "after"});
  record.params_before = CountAt(report, {"totals", "params", "before"});
  record.params_after = CountAt(report, {"totals", "params", "after"});
  record.bytes_before = CountAt(report, {"totals", "bytes", "before"});
  record.bytes_after = CountAt(report, {"totals", "bytes", "after"});
  record.relative_error = NumberAt(report, {"comparison", "relative_error"});
  record.top1_agreement = NumberAt(report, {"comparison", "top1_agreement"});
  record.latency_ratio = NumberAt(report, {"latency", "ratio"});
}

// Ok only if the output that the report speaks of stands there, made of the model that was planned.
void JudgeSuccess(const Json& report, const ZooModel& model, const std::string& output, Record& record) {
  const std::string read = TextAt(report, {"input", "sha256"});
  if (!report.is_object()) {
    record.reason = "it ended with exit code 0 and left no report";
  } else if (!model.sha256.empty() && read != model.sha256) {
    record.fate = Fate::kRejected;
    record.reason = absl::StrCat("it is not the model that was planned: its SHA-256 is now ", read);
  } else {
    const absl::StatusOr<ModelDigest> written = DigestModel(output);
    if (!written.ok() || written->sha256 != TextAt(report, {"output", "sha256"})) {
      record.reason = written.ok() ? "the output has another SHA-256 than its report says"
                                   : absl::StrCat("no output: ", written.status().message());
      return;
    }
    record.fate = Fate::kOk;
    record.reason = TextAt(report, {"reason"});
    record.output_sha256 = written->sha256;
    record.output_data_sha256 = written->data_sha256;
    record.outputs = {written->sha256};
  }
}

}  // namespace

Record JudgeEnd(const ChildEnd& end, const ZooModel& model, const std::string& output) {
  Record record;
  record.path = model.path;
  record.input_sha256 = model.sha256;
  record.seconds = end.seconds;
  record.peak_bytes = int64_t{end.usage.ru_maxrss} * 1024;
  record.code = WIFSIGNALED(end.status) ? -WTERMSIG(end.status) : WEXITSTATUS(end.status);
  record.fate = Fate::kCrashed;
  if (end.timeout > 0) {
    record.reason = absl::StrCat("it took longer than ", ShortestText(end.timeout), " s");
    return record;
  }
  if (record.code < 0) {
    record.reason = absl::StrCat("it was ended by signal ", -record.code, " (", strsignal(-record.code), ")");
    return record;
  }
  const Json report = ReadReport(end.report);
  TakeFigures(report, record);
  switch (record.code) {
    case kExitDone:
      JudgeSuccess(report, model, output, record);
      break;
    case kExitVerification:
      record.fate = Fate::kRejected;
      record.reason = TextAt(report, {"reason"});
      break;
    case kExitUsage:
    case kExitInput:
      record.fate = Fate::kRejected;
      break;
    default:  // a defect of the program, a failed write, no memory, a signal
      break;
  }
  if (record.reason.empty() && record.fate != Fate::kOk) record.reason = LastLine(end.errors);
  if (record.reason.empty() && record.fate != Fate::kOk) {
    record.reason = absl::StrCat("it ended with exit code ", record.code);
  }
  return record;
}

}  // namespace cnnopt
