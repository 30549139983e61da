#include "job/output_files.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "job/exit_code.h"
#include "job/plan_file.h"
#include "onnx_io/checksum.h"
#include "onnx_io/file_io.h"
#include "onnx_io/status_macros.h"
#include "passes/catalog.h"
#include "report/report.h"

namespace cnnopt {
namespace {

constexpr size_t kBlockBytes = 1 << 20;

WriteOptions MakeWriteOptions(const SlimArguments& arguments, const ModelFile& file) {
  WriteOptions options;
  if (file.had_external_data || arguments.external_threshold.has_value()) {
    options.external_threshold = arguments.external_threshold.value_or(kDefaultExternalThreshold);
  }
  return options;
}

// Stages the input's own bytes, or the same model when its payloads have to move; the path where they stand now.
absl::StatusOr<std::string> StageUnchanged(const SlimArguments& arguments, ModelFile& file, const WriteOptions& options,
                                           StagedFiles& files) {
  if (SameFile(arguments.in, arguments.out) && !arguments.external_threshold.has_value()) {
    return arguments.out;
  }
  if (file.had_external_data || arguments.external_threshold.has_value()) {
    return From(Origin::kOutput, files.StageModel(file.proto, arguments.out, options));
  }
  CNNOPT_ASSIGN_OR_RETURN(const InputFile in, From(Origin::kInput, InputFile::Open(arguments.in)));
  std::string block;
  int64_t offset = 0;
  const auto next = [&]() -> absl::StatusOr<absl::string_view> {
    block.resize(kBlockBytes);
    CNNOPT_ASSIGN_OR_RETURN(const size_t got, From(Origin::kInput, in.ReadAt(offset, block.data(), block.size())));
    if (got == 0) CNNOPT_RETURN_IF_ERROR(From(Origin::kInput, in.CheckUnchanged()));
    offset += static_cast<int64_t>(got);
    return absl::string_view(block).substr(0, got);
  };
  return From(Origin::kOutput, files.StagePieces(next, arguments.out));
}

absl::Status StagePlan(const SlimArguments& arguments, const SlimReport& report, const ReportContext& context,
                       StagedFiles& files) {
  if (arguments.plan_out.empty() || report.verdict == Verdict::kRefused) return absl::OkStatus();
  PlanFile plan;
  plan.layers = PlanOf(report);
  plan.bounds = report.bounds;
  plan.options = context.options;
  plan.settings = PlanSettings(arguments, context);
  plan.input_sha256 = context.in_facts.sha256;
  CNNOPT_ASSIGN_OR_RETURN(const std::string text, From(Origin::kOutput, RenderPlan(plan, context.version)));
  return From(Origin::kOutput, files.StageBytes(text, arguments.plan_out)).status();
}

}  // namespace

void AddProvenance(const ReportContext& context, onnx::ModelProto& model) {
  const std::vector<std::pair<std::string, std::string>> entries = {
      {"cnnopt.version", context.version},
      {"cnnopt.options", absl::StrJoin(context.options, " ")},
      {"cnnopt.input_sha256", context.in_facts.sha256},
  };
  for (const auto& [key, value] : entries) {
    auto& properties = *model.mutable_metadata_props();
    const auto same = std::find_if(properties.begin(), properties.end(),
                                   [&wanted = key](const auto& property) { return property.key() == wanted; });
    onnx::StringStringEntryProto& entry = same == properties.end() ? *properties.Add() : *same;
    entry.set_key(key);
    entry.set_value(value);
  }
}

absl::StatusOr<FileFacts> DescribeFile(const std::string& path) {
  FileFacts facts;
  CNNOPT_ASSIGN_OR_RETURN(facts.sha256, FileSha256(path));
  CNNOPT_ASSIGN_OR_RETURN(const InputFile file, InputFile::Open(path));
  facts.bytes = file.size();
  return facts;
}

std::vector<std::string> PlanSettings(SlimArguments arguments, const ReportContext& context) {
  arguments.passes.erase(
      std::remove_if(arguments.passes.begin(), arguments.passes.end(),
                     [](const PassChoice& pass) { return FindPass(pass.name)->kind == PassKind::kForm; }),
      arguments.passes.end());
  arguments.rules = LayerRules();
  static_cast<Goal&>(arguments) = Goal();
  return CanonicalOptions(arguments, context.calibration_sha256);
}

absl::StatusOr<int64_t> OutputBytes(const SlimArguments& arguments, const ModelFile& file, const ReportContext& context,
                                    onnx::ModelProto model) {
  if (arguments.provenance) {
    AddProvenance(context, model);
  }
  return WrittenBytes(model, arguments.out.empty() ? "out.onnx" : arguments.out, MakeWriteOptions(arguments, file));
}

absl::Status StageOutput(const SlimArguments& arguments, const SlimReport& report, ModelFile& file, StagedFiles& files,
                         ReportContext& context) {
  const bool unchanged = report.verdict == Verdict::kUnchanged;
  if (arguments.dry_run || report.verdict == Verdict::kRefused || (unchanged && arguments.fail_if_unchanged)) {
    return absl::OkStatus();
  }
  const WriteOptions options = MakeWriteOptions(arguments, file);
  std::string staged;
  if (unchanged) {
    CNNOPT_ASSIGN_OR_RETURN(staged, StageUnchanged(arguments, file, options, files));
  } else {
    if (arguments.provenance) {
      AddProvenance(context, file.proto);
    }
    CNNOPT_ASSIGN_OR_RETURN(staged, From(Origin::kOutput, files.StageModel(file.proto, arguments.out, options)));
  }
  CNNOPT_ASSIGN_OR_RETURN(context.out_facts, From(Origin::kOutput, DescribeFile(staged)));
  return absl::OkStatus();
}

absl::Status StageAccounts(const SlimArguments& arguments, const SlimReport& report, const ReportContext& context,
                           StagedFiles& files) {
  CNNOPT_RETURN_IF_ERROR(StagePlan(arguments, report, context, files));
  for (const std::string& path : arguments.reports) {
    const std::string bytes = RenderReport(path, report, context);
    CNNOPT_RETURN_IF_ERROR(From(Origin::kOutput, files.StageBytes(bytes, path)).status());
  }
  return absl::OkStatus();
}

}  // namespace cnnopt
