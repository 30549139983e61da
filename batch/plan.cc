#include "batch/plan.h"

#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "batch/zoo.h"
#include "onnx_io/checksum.h"
#include "onnx_io/quote.h"
#include "onnx_io/status_macros.h"

namespace cnnopt {
namespace {

namespace fs = std::filesystem;

// Flags whose value is a path, after NAME= or after @ where that stands for a file.
constexpr absl::string_view kPathFlags[] = {"--calibration=", "--labels="};
constexpr absl::string_view kListFlags[] = {"--keep=@", "--only=@", "--layer=@"};

// Where in `option` a path begins; npos: it holds none.
size_t PathIn(const std::string& option) {
  for (const absl::string_view flag : kListFlags) {
    if (absl::StartsWith(option, flag)) return flag.size();
  }
  for (const absl::string_view flag : kPathFlags) {
    if (!absl::StartsWith(option, flag)) continue;
    std::error_code error;
    if (fs::exists(option.substr(flag.size()), error)) return flag.size();
    const size_t equals = option.find('=', flag.size());  // of NAME=PATH
    return equals == std::string::npos ? flag.size() : equals + 1;
  }
  return std::string::npos;
}

}  // namespace

absl::StatusOr<SettledOptions> SettleOptions(const std::vector<std::string>& options) {
  SettledOptions settled;
  std::string digests;
  for (std::string option : options) {
    const size_t at = PathIn(option);
    if (at != std::string::npos) {
      std::error_code error;
      const fs::path path = fs::absolute(option.substr(at), error).lexically_normal();
      CNNOPT_ASSIGN_OR_RETURN(const std::string digest, DigestPath(path));
      absl::StrAppend(&digests, digest, "\n");
      option.replace(at, std::string::npos, path.string());
    }
    settled.options.push_back(std::move(option));
  }
  settled.sha256 = Sha256Hex(digests);
  return settled;
}

absl::StatusOr<Manifest> PlanZoo(const PlanRequest& request, const std::function<bool(int64_t, int64_t)>& progress) {
  Manifest manifest;
  CNNOPT_ASSIGN_OR_RETURN(const std::vector<std::string> paths, FindModels(request.zoo, request.out));
  if (paths.empty()) return absl::NotFoundError(absl::StrCat("no .onnx file below ", Quote(request.zoo)));
  CNNOPT_ASSIGN_OR_RETURN(SettledOptions settled, SettleOptions(request.options));
  manifest.version = request.version;
  std::error_code error;
  manifest.zoo = fs::absolute(request.zoo, error).lexically_normal().string();
  manifest.options = std::move(settled.options);
  manifest.options_sha256 = std::move(settled.sha256);
  for (const std::string& path : paths) {
    if (!progress(static_cast<int64_t>(manifest.models.size()), static_cast<int64_t>(paths.size()))) {
      return absl::CancelledError("planning was ended");
    }
    manifest.models.push_back(DescribeModel(request.zoo, path, request.test_data));
  }
  manifest.shards = request.shards > 0 ? request.shards : ShardsFor(manifest.models);
  AssignShards(manifest);
  return manifest;
}

}  // namespace cnnopt
