#include "batch/record.h"

#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "batch/json_fields.h"
#include "onnx_io/status_macros.h"
#include "report/display.h"
#include "report/json_value.h"

namespace cnnopt {
namespace {

using Json = nlohmann::ordered_json;

constexpr char kSchema[] = "cnnopt-batch/1";

// The line without what lines about the same model have in common once they are folded.
std::string OwnText(Record record) {
  record.skipped = false;
  record.crashes.clear();
  record.outputs.clear();
  return RenderRecord(record);
}

}  // namespace

const char* FateWord(Fate fate) {
  switch (fate) {
    case Fate::kOk:
      return "ok";
    case Fate::kRejected:
      return "rejected";
    case Fate::kCrashed:
      return "crashed";
  }
  return "";
}

std::string RenderRecord(const Record& record) {
  Json json = Json::object();
  PutPath(record.path, json);
  json["status"] = FateWord(record.fate);
  if (record.skipped) json["skipped"] = true;
  json["verdict"] = record.verdict;
  json["reason"] = ValidUtf8(record.reason);
  json["code"] = record.code;
  json["key"] = record.key;
  json["input_sha256"] = record.input_sha256;
  json["output_sha256"] = record.output_sha256;
  if (!record.output_data_sha256.empty()) json["output_data_sha256"] = record.output_data_sha256;
  json["macs_before"] = OrNull(record.macs_before);
  json["macs_after"] = OrNull(record.macs_after);
  json["params_before"] = OrNull(record.params_before);
  json["params_after"] = OrNull(record.params_after);
  json["bytes_before"] = OrNull(record.bytes_before);
  json["bytes_after"] = OrNull(record.bytes_after);
  json["relative_error"] = OrNull(record.relative_error);
  json["top1_agreement"] = OrNull(record.top1_agreement);
  json["latency_ratio"] = OrNull(record.latency_ratio);
  json["seconds"] = record.seconds;
  json["peak_bytes"] = record.peak_bytes;
  json["attempt"] = record.attempt;
  json["shard"] = record.shard;
  if (!record.crashes.empty()) json["crashes"] = record.crashes;
  if (!record.outputs.empty()) json["outputs"] = record.outputs;
  return json.dump();
}

absl::StatusOr<Record> ParseRecord(absl::string_view line) {
  JsonFields fields(line);
  Record record;
  fields.ReadPath(record.path);
  std::string status;
  fields.Read("status", status);
  fields.ReadIfThere("skipped", record.skipped);
  fields.Read("verdict", record.verdict);
  fields.Read("reason", record.reason);
  fields.Read("code", record.code);
  fields.Read("key", record.key);
  fields.Read("input_sha256", record.input_sha256);
  fields.Read("output_sha256", record.output_sha256);
  fields.ReadIfThere("output_data_sha256", record.output_data_sha256);
  fields.Read("macs_before", record.macs_before);
  fields.Read("macs_after", record.macs_after);
  fields.Read("params_before", record.params_before);
  fields.Read("params_after", record.params_after);
  fields.Read("bytes_before", record.bytes_before);
  fields.Read("bytes_after", record.bytes_after);
  fields.Read("relative_error", record.relative_error);
  fields.Read("top1_agreement", record.top1_agreement);
  fields.Read("latency_ratio", record.latency_ratio);
  fields.Read("seconds", record.seconds);
  fields.Read("peak_bytes", record.peak_bytes);
  fields.Read("attempt", record.attempt);
  fields.Read("shard", record.shard);
  fields.ReadIfThere("crashes", record.crashes);
  fields.ReadIfThere("outputs", record.outputs);
  CNNOPT_RETURN_IF_ERROR(fields.status());
  for (const Fate fate : {Fate::kOk, Fate::kRejected, Fate::kCrashed}) {
    record.fate = fate;
    if (status == FateWord(fate)) return record;
  }
  return absl::InvalidArgumentError(
      absl::StrCat("field 'status': found '", ForScreen(status), "', expected ok, rejected or crashed"));
}

Record Fold(const Record& a, const Record& b) {
  const bool a_first = a.fate != b.fate ? a.fate < b.fate : OwnText(a) <= OwnText(b);
  Record folded = a_first ? a : b;
  const Record& other = a_first ? b : a;
  folded.skipped = false;
  folded.crashes.insert(other.crashes.begin(), other.crashes.end());
  folded.outputs.insert(other.outputs.begin(), other.outputs.end());
  return folded;
}

bool IsTerminal(const Record& record, int64_t tries) {
  return record.fate != Fate::kCrashed || static_cast<int64_t>(record.crashes.size()) >= tries;
}

std::string RenderReportHeader(const ReportHeader& header) {
  Json outs = Json::array();
  for (const std::string& out : header.outs) outs.push_back(ValidUtf8(out));
  return Json({{"schema", kSchema}, {"manifest", header.manifest}, {"outs", outs}}).dump();
}

absl::StatusOr<ReportHeader> ParseReportHeader(absl::string_view line) {
  JsonFields fields(line);
  std::string schema;
  fields.Read("schema", schema);
  CNNOPT_RETURN_IF_ERROR(fields.status());
  if (schema != kSchema) {
    return absl::InvalidArgumentError(absl::StrCat("found schema '", ForScreen(schema), "', expected ", kSchema));
  }
  ReportHeader header;
  fields.Read("manifest", header.manifest);
  fields.Read("outs", header.outs);
  CNNOPT_RETURN_IF_ERROR(fields.status());
  return header;
}

}  // namespace cnnopt
