#include <sys/stat.h>

#include <algorithm>
#include <functional>
#include <iterator>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "google/protobuf/io/zero_copy_stream_impl_lite.h"
#include "onnx_io/borrow.h"
#include "onnx_io/external_data.h"
#include "onnx_io/file_io.h"
#include "onnx_io/model_file.h"
#include "onnx_io/status_macros.h"
#include "onnx_io/temporaries.h"

namespace cnnopt {
namespace {

constexpr int kBlockBytes = 1 << 20;
// What goes to a data file when a model does not fit into one protobuf; smaller tensors are shapes and scalars, which
// some readers need to see at once.
constexpr int64_t kForcedThreshold = 1024;

// Takes bytes from protobuf into a file.
class FileSink : public google::protobuf::io::CopyingOutputStream {
 public:
  explicit FileSink(AtomicFile& file) : file_(file) {}

  bool Write(const void* buffer, int size) override {
    status_.Update(file_.Append(absl::string_view(static_cast<const char*>(buffer), static_cast<size_t>(size))));
    return status_.ok();
  }

  const absl::Status& status() const { return status_; }

 private:
  AtomicFile& file_;
  absl::Status status_;
};

absl::Status WriteProto(const onnx::ModelProto& model, AtomicFile& file) {
  FileSink sink(file);
  google::protobuf::io::CopyingOutputStreamAdaptor stream(&sink, kBlockBytes);
  const bool written = model.SerializeToZeroCopyStream(&stream) && stream.Flush();
  CNNOPT_RETURN_IF_ERROR(sink.status());
  return written ? file.Finish() : absl::InternalError("protobuf could not serialize the model");
}

absl::Status CheckFits(const onnx::ModelProto& model, const WriteOptions& options) {
  const auto bytes = static_cast<int64_t>(model.ByteSizeLong());
  return bytes <= options.protobuf_bytes
             ? absl::OkStatus()
             : absl::ResourceExhaustedError(absl::StrCat("the model takes ", bytes, " bytes without external data, ",
                                                         options.protobuf_bytes, " fit into one file"));
}

// A model ready to be written: payloads of at least a threshold are out of it, to go to a data file, all others in it.
struct Parts {
  Parts(onnx::ModelProto& model, int64_t threshold) : in_place(model, threshold), payloads(model, threshold) {}

  PayloadsInPlace in_place;
  ExternalPayloads payloads;
};
absl::StatusOr<std::unique_ptr<Parts>> TakeApart(onnx::ModelProto& model, const WriteOptions& options) {
  auto parts = std::make_unique<Parts>(model, options.external_threshold);
  if (!CheckFits(model, options).ok()) {
    parts.reset();
    parts = std::make_unique<Parts>(model, kForcedThreshold);
    CNNOPT_RETURN_IF_ERROR(CheckFits(model, options));
  }
  return parts;
}

}  // namespace

absl::StatusOr<int64_t> WrittenBytes(onnx::ModelProto& model, const std::string& path, const WriteOptions& options) {
  CNNOPT_ASSIGN_OR_RETURN(const std::string target, ResolveLinks(path));
  CNNOPT_ASSIGN_OR_RETURN(const auto parts, TakeApart(model, options));
  CNNOPT_RETURN_IF_ERROR(parts->in_place.status());
  ExternalPayloads* const payloads = &parts->payloads;
  int64_t bytes = 0;
  if (!payloads->empty()) {
    const auto discard = [](absl::string_view) { return absl::OkStatus(); };
    CNNOPT_ASSIGN_OR_RETURN(const auto data, payloads->Write(NameOf(target), discard));
    bytes = data.bytes;
  }
  return bytes + static_cast<int64_t>(model.ByteSizeLong());
}

StagedFiles::StagedFiles() = default;
StagedFiles::~StagedFiles() = default;

absl::StatusOr<std::string> StagedFiles::StageModel(onnx::ModelProto& model, const std::string& path,
                                                    const WriteOptions& options) {
  CNNOPT_ASSIGN_OR_RETURN(const std::string target, ResolveLinks(path));
  CNNOPT_ASSIGN_OR_RETURN(const auto parts, TakeApart(model, options));
  CNNOPT_RETURN_IF_ERROR(parts->in_place.status());
  ExternalPayloads* const payloads = &parts->payloads;
  Staged data;
  if (!payloads->empty()) {
    CNNOPT_ASSIGN_OR_RETURN(data.file, AtomicFile::Create(target));
    CNNOPT_ASSIGN_OR_RETURN(const auto written, payloads->Write(NameOf(target), [&](absl::string_view bytes) {
      return data.file->Append(bytes);
    }));
    CNNOPT_RETURN_IF_ERROR(data.file->Finish());
    CNNOPT_RETURN_IF_ERROR(CheckFits(model, options));  // now with the references to the data file
    data.path = absl::StrCat(FolderOf(target), "/", written.name);
  }
  CNNOPT_ASSIGN_OR_RETURN(std::unique_ptr<AtomicFile> file, AtomicFile::Create(target));
  CNNOPT_RETURN_IF_ERROR(WriteProto(model, *file));
  const std::string temporary = file->temporary();
  staged_.push_back({std::move(file), target});
  if (data.file != nullptr) {
    data.is_data = true;
    staged_.push_back(std::move(data));
  }
  return temporary;
}

absl::StatusOr<std::string> StagedFiles::StageBytes(absl::string_view bytes, const std::string& path) {
  const auto next = [&bytes] { return std::exchange(bytes, {}); };
  return StagePieces(next, path);
}

absl::StatusOr<std::string> StagedFiles::StagePieces(const std::function<absl::StatusOr<absl::string_view>()>& next,
                                                     const std::string& path) {
  CNNOPT_ASSIGN_OR_RETURN(const std::string target, ResolveLinks(path));
  CNNOPT_ASSIGN_OR_RETURN(std::unique_ptr<AtomicFile> file, AtomicFile::Create(target));
  for (;;) {
    CNNOPT_ASSIGN_OR_RETURN(const absl::string_view piece, next());
    if (piece.empty()) break;
    CNNOPT_RETURN_IF_ERROR(file->Append(piece));
  }
  CNNOPT_RETURN_IF_ERROR(file->Finish());
  const std::string temporary = file->temporary();
  staged_.push_back({std::move(file), target});
  return temporary;
}

// Gives one file its name. What takes it away again is added to `undo`; nothing can fail after the last one.
absl::Status StagedFiles::TakeName(const Staged& staged, bool is_last, std::vector<std::function<void()>>& undo) {
  const bool replaces = FileExists(staged.path);
  // A data file that is there already has the same content, and another model may need it.
  if (is_last || (staged.is_data && replaces)) {
    return staged.file->RenameTo(staged.path);
  }
  CNNOPT_RETURN_IF_ERROR(replaces ? staged.file->ExchangeWith(staged.path) : staged.file->RenameTo(staged.path));
  undo.push_back([&staged, replaces] {
    if (replaces) {
      staged.file->ExchangeWith(staged.path).IgnoreError();
    } else {
      RemoveFile(staged.path);
    }
  });
  return absl::OkStatus();
}

absl::Status StagedFiles::Publish() {
  const auto lock = LockTemporaries();  // a signal comes before or after all of this
  std::vector<std::function<void()>> undo;
  for (auto entry = staged_.rbegin(); entry != staged_.rend(); ++entry) {
    const bool is_last = std::next(entry) == staged_.rend();
    if (absl::Status status = TakeName(*entry, is_last, undo); !status.ok()) {
      for (auto step = undo.rbegin(); step != undo.rend(); ++step) (*step)();
      return status;
    }
  }
  std::set<std::string> folders;
  for (const Staged& entry : staged_) {
    folders.insert(FolderOf(entry.path));
  }
  std::for_each(folders.begin(), folders.end(), SyncFolder);
  staged_.clear();
  return absl::OkStatus();
}

absl::Status WriteModel(onnx::ModelProto& model, const std::string& path, const WriteOptions& options) {
  StagedFiles files;
  CNNOPT_RETURN_IF_ERROR(files.StageModel(model, path, options).status());
  return files.Publish();
}

absl::Status WriteFileAtomically(absl::string_view bytes, const std::string& path) {
  StagedFiles files;
  CNNOPT_RETURN_IF_ERROR(files.StageBytes(bytes, path).status());
  return files.Publish();
}

bool SameFile(const std::string& a, const std::string& b) {
  struct stat first{}, second{};
  return stat(a.c_str(), &first) == 0 && stat(b.c_str(), &second) == 0 && first.st_dev == second.st_dev &&
         first.st_ino == second.st_ino;
}

}  // namespace cnnopt
