#include "batch/zoo.h"

#include <algorithm>
#include <filesystem>
#include <set>
#include <system_error>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "batch/sidecar.h"
#include "onnx/onnx_pb.h"
#include "onnx_io/checksum.h"
#include "onnx_io/external_data.h"
#include "onnx_io/file_io.h"
#include "onnx_io/file_kind.h"
#include "onnx_io/memory_limit.h"
#include "onnx_io/status_macros.h"
#include "onnx_io/tensor_walk.h"
#include "onnx_io/wire_scan.h"
#include "passes/slim.h"
#include "runtime/folder.h"
#include "runtime/read_file.h"

namespace cnnopt {
namespace {

namespace fs = std::filesystem;

constexpr size_t kPiece = size_t{1} << 20;
constexpr int64_t kMostParsed = (int64_t{1} << 31) - 1;  // by protobuf
constexpr char kTestData[] = "test_data_set_";

// Whether the bytes of `file` hold the key that every tensor with external data has; its digest on the way.
absl::StatusOr<bool> DigestAndLook(const InputFile& file, std::string& sha256) {
  constexpr absl::string_view kKey = "location";
  Sha256 digest;
  std::string buffer(kPiece, '\0');
  bool found = false;
  size_t kept = 0;  // bytes of the piece before, in which the key may have begun
  for (int64_t offset = 0;;) {
    CNNOPT_ASSIGN_OR_RETURN(const size_t count, file.ReadAt(offset, &buffer[kept], buffer.size() - kept));
    if (count == 0) break;
    const absl::string_view piece(buffer.data(), kept + count);
    digest.Update(piece.substr(kept));
    found = found || absl::StrContains(piece, kKey);
    offset += static_cast<int64_t>(count);
    kept = std::min(kKey.size() - 1, piece.size());
    std::copy(piece.end() - static_cast<int64_t>(kept), piece.end(), buffer.begin());
  }
  sha256 = digest.Hex();
  return found;
}

// The files that the model at `path` has payloads in, within its folder; none where it cannot be parsed.
std::set<std::string> DataFiles(const InputFile& file, const std::string& path) {
  std::set<std::string> names;
  const absl::StatusOr<int64_t> memory = EstimateParsedBytes(file, *onnx::ModelProto::descriptor());
  if (!memory.ok() || *memory > DefaultMemoryLimit() / 2) return names;
  const absl::StatusOr<std::string> bytes = ReadFile(path, kMostParsed);
  onnx::ModelProto model;
  if (!bytes.ok() || !model.ParseFromString(*bytes)) return names;
  ForEachTensor(model, [&](onnx::TensorProto& tensor, TensorPlace) {
    if (tensor.data_location() != onnx::TensorProto::EXTERNAL) return;
    const absl::StatusOr<ExternalRange> range = ReadExternalRange(tensor);
    if (range.ok()) names.insert(range->location);
  });
  return names;
}

// Rough: what the job takes was seen to grow with the weights, up to the limit of its statistics.
int64_t EstimateMemory(int64_t bytes) {
  constexpr int64_t kBase = 100'000'000;
  return kBase + std::min(80 * bytes, kDefaultMaxMemory) + 8 * bytes;
}
double EstimateCost(int64_t bytes) { return 0.5 + 4e-6 * static_cast<double>(bytes); }

std::string TestDataDigest(const std::string& folder) {
  std::vector<std::string> sets;
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    if (absl::StartsWith(name, kTestData) && entry->is_directory(error)) sets.push_back(name);
  }
  if (sets.empty()) return "";
  std::sort(sets.begin(), sets.end());
  Sha256 digest;
  bool inputs = false;
  for (const std::string& set : sets) {
    const std::string path = Below(folder, set);
    inputs = inputs || fs::exists(Below(path, "input_0.pb"), error);
    const absl::StatusOr<std::string> one = DigestPath(path);
    // What cannot be read is told by the run that needs it.
    digest.Update(absl::StrCat(set, "\n", one.ok() ? *one : one.status().message(), "\n"));
  }
  return inputs ? digest.Hex() : "";
}

// The first bytes tell pointers, archives and pages from models.
const char* KindProblem(const InputFile& file) {
  char head[64];
  const absl::StatusOr<size_t> count = file.ReadAt(0, head, sizeof(head));
  if (!count.ok()) return nullptr;
  return *count == 0 ? "an empty file" : WrongKind(absl::string_view(head, *count));
}

}  // namespace

std::string Below(const std::string& folder, absl::string_view path) {
  return folder.empty() || folder == "." ? std::string(path)
                                         : absl::StrCat(folder, folder.back() == '/' ? "" : "/", path);
}

absl::StatusOr<ModelDigest> DigestModel(const std::string& path) {
  CNNOPT_ASSIGN_OR_RETURN(const InputFile file, InputFile::Open(path));
  ModelDigest digest;
  digest.bytes = file.size();
  CNNOPT_ASSIGN_OR_RETURN(const bool may_have_data, DigestAndLook(file, digest.sha256));
  if (!may_have_data) return digest;
  Sha256 data;
  const std::set<std::string> names = DataFiles(file, path);
  for (const std::string& name : names) {
    const std::string data_path = Below(FolderOf(path), name);
    const absl::StatusOr<std::string> one = FileSha256(data_path);
    const absl::StatusOr<InputFile> data_file = InputFile::Open(data_path);
    if (data_file.ok()) digest.data_bytes += data_file->size();
    data.Update(absl::StrCat(one.ok() ? *one : "missing", "\n"));
  }
  if (!names.empty()) digest.data_sha256 = data.Hex();
  return digest;
}

absl::StatusOr<std::string> DigestPath(const std::string& path) {
  std::error_code error;
  if (!fs::is_directory(path, error)) return FileSha256(path);
  CNNOPT_ASSIGN_OR_RETURN(const std::vector<std::string> files, FilesBelow(path));
  Sha256 digest;
  for (const std::string& file : files) {
    CNNOPT_ASSIGN_OR_RETURN(const std::string one, FileSha256(Below(path, file)));
    digest.Update(absl::StrCat(one, "  ", file, "\n"));
  }
  return digest.Hex();
}

absl::StatusOr<std::vector<std::string>> FindModels(const std::string& zoo, const std::string& out) {
  CNNOPT_ASSIGN_OR_RETURN(const std::vector<std::string> files, FilesBelow(zoo));
  std::error_code error;
  const std::string out_within =
      out.empty() ? ""
                  : fs::path(fs::weakly_canonical(out, error)).lexically_relative(fs::weakly_canonical(zoo, error));
  const bool inside = !out_within.empty() && out_within != "." && !absl::StartsWith(out_within, "..");
  const std::set<std::string> names(files.begin(), files.end());
  std::vector<std::string> models;
  for (const std::string& file : files) {
    if (Extension(file) != "onnx" || names.count(SidecarPath(file)) > 0) continue;
    if (inside && absl::StartsWith(file, absl::StrCat(out_within, "/"))) continue;
    models.push_back(file);
  }
  return models;
}

ZooModel DescribeModel(const std::string& zoo, const std::string& path, bool test_data) {
  ZooModel model;
  model.path = path;
  const std::string full = Below(zoo, path);
  const absl::StatusOr<InputFile> file = InputFile::Open(full);
  const absl::StatusOr<ModelDigest> digest = file.ok() ? DigestModel(full) : file.status();
  if (!digest.ok()) {
    model.problem = std::string(digest.status().message());
    return model;
  }
  model.sha256 = digest->sha256;
  model.bytes = digest->bytes;
  model.data_sha256 = digest->data_sha256;
  model.data_bytes = digest->data_bytes;
  if (const char* const kind = KindProblem(*file); kind != nullptr) {
    model.problem = kind;
    return model;
  }
  if (test_data) model.test_data_sha256 = TestDataDigest(FolderOf(full));
  model.memory = EstimateMemory(model.bytes + model.data_bytes);
  model.cost = EstimateCost(model.bytes + model.data_bytes);
  return model;
}

}  // namespace cnnopt
