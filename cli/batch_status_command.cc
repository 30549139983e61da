#include <algorithm>
#include <filesystem>
#include <set>
#include <string>
#include <system_error>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "batch/read_reports.h"
#include "batch/shard.h"
#include "batch/standing.h"
#include "batch/zoo.h"
#include "cli/batch_commands.h"
#include "onnx_io/quote.h"
#include "onnx_io/status_macros.h"
#include "report/display.h"

namespace cnnopt {
namespace {

constexpr size_t kMostNamed = 20;

bool Stands(const std::set<std::string>& outs, const Record& record, bool hash) {
  return std::any_of(outs.begin(), outs.end(), [&](const std::string& out) {
    const std::string path = Below(out, record.path);
    std::error_code error;
    if (!hash) return std::filesystem::is_regular_file(path, error);
    const absl::StatusOr<ModelDigest> digest = DigestModel(path);
    return digest.ok() && digest->sha256 == record.output_sha256 && digest->data_sha256 == record.output_data_sha256;
  });
}

}  // namespace

absl::StatusOr<ExitCode> RunBatchStatus(const SlimArguments& arguments, const Console& console) {
  const BatchArguments& batch = arguments.batch;
  const std::string& manifest_path = arguments.positions[0];
  CNNOPT_ASSIGN_OR_RETURN(const Manifest head,
                          From(Origin::kInput, ReadManifest(manifest_path, [](const ZooModel&) { return false; })));
  Reports reports;
  reports.header.manifest = head.sha256;
  std::vector<std::string> folders(arguments.positions.begin() + 1, arguments.positions.end());
  for (const std::string& folder : folders) {
    std::error_code error;
    if (std::filesystem::exists(folder, error)) continue;
    console.err << "cnnopt: " << Quote(folder) << " does not exist: no shard has begun\n";
  }
  const auto is_missing = [](const std::string& folder) {
    std::error_code error;
    return !std::filesystem::exists(folder, error);
  };
  folders.erase(std::remove_if(folders.begin(), folders.end(), is_missing), folders.end());
  CNNOPT_ASSIGN_OR_RETURN(const std::vector<std::string> files, From(Origin::kInput, ReportFiles(folders)));
  for (const std::string& file : files) CNNOPT_RETURN_IF_ERROR(From(Origin::kInput, AddReport(file, reports)));
  const std::set<std::string> outs = batch.out.empty() ? reports.header.outs : std::set<std::string>{batch.out};
  Standing standing;
  const auto count = [&](const ZooModel& model) {
    AddStanding(
        model, reports, batch.tries, [&](const Record& record) { return Stands(outs, record, batch.hash_outputs); },
        standing);
    return false;  // a plan may be large, and is not needed once it is counted
  };
  CNNOPT_RETURN_IF_ERROR(From(Origin::kInput, ReadManifest(manifest_path, count)).status());

  std::vector<int64_t> shards(standing.shards.begin(), standing.shards.end());
  if (batch.lines) {
    for (const int64_t shard : shards) console.out << shard + batch.first << "\n";
  } else if (!shards.empty()) {
    console.out << ArrayList(shards, batch.first) << "\n";
  }
  if (!arguments.quiet) {
    console.err << "cnnopt: " << StandingText(standing) << "\n";
    for (size_t l = 0; l < std::min(standing.lost.size(), kMostNamed); ++l) {
      console.err << "cnnopt: " << ForScreen(standing.lost[l]) << ": its output is not there any more\n";
    }
  }
  return standing.complete() ? kExitDone : kExitTemporary;
}

}  // namespace cnnopt
