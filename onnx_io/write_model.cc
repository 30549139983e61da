#include <sys/stat.h>

#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "google/protobuf/io/zero_copy_stream_impl_lite.h"
#include "onnx_io/external_data.h"
#include "onnx_io/file_io.h"
#include "onnx_io/model_file.h"
#include "onnx_io/status_macros.h"

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

// Gives both files their names, the data file first: no model must ever refer to one that is not there.
absl::Status Publish(std::unique_ptr<AtomicFile> data, const std::string& data_path, AtomicFile& file,
                     const std::string& target) {
  const bool data_is_new = data != nullptr && !FileExists(data_path);
  if (data != nullptr) {
    CNNOPT_RETURN_IF_ERROR(data->RenameTo(data_path));
  }
  if (absl::Status status = file.RenameTo(target); !status.ok()) {
    if (data_is_new) {
      RemoveFile(data_path);
    }
    return status;
  }
  SyncFolder(FolderOf(target));
  return absl::OkStatus();
}

// Moves out of `model` what goes to a data file.
absl::StatusOr<std::unique_ptr<ExternalPayloads>> TakePayloads(onnx::ModelProto& model, const WriteOptions& options) {
  auto payloads = std::make_unique<ExternalPayloads>(model, options.external_threshold);
  if (!CheckFits(model, options).ok()) {
    payloads.reset();
    payloads = std::make_unique<ExternalPayloads>(model, kForcedThreshold);
    CNNOPT_RETURN_IF_ERROR(CheckFits(model, options));
  }
  return payloads;
}

}  // namespace

absl::StatusOr<int64_t> WrittenBytes(onnx::ModelProto& model, const std::string& path, const WriteOptions& options) {
  CNNOPT_ASSIGN_OR_RETURN(const std::string target, ResolveLinks(path));
  CNNOPT_ASSIGN_OR_RETURN(const auto payloads, TakePayloads(model, options));
  int64_t bytes = 0;
  if (!payloads->empty()) {
    const auto discard = [](absl::string_view) { return absl::OkStatus(); };
    CNNOPT_ASSIGN_OR_RETURN(const auto data, payloads->Write(NameOf(target), discard));
    bytes = data.bytes;
  }
  return bytes + static_cast<int64_t>(model.ByteSizeLong());
}

absl::Status WriteModel(onnx::ModelProto& model, const std::string& path, const WriteOptions& options) {
  CNNOPT_ASSIGN_OR_RETURN(const std::string target, ResolveLinks(path));
  CNNOPT_ASSIGN_OR_RETURN(const auto payloads, TakePayloads(model, options));
  std::unique_ptr<AtomicFile> data;
  std::string data_path;
  if (!payloads->empty()) {
    CNNOPT_ASSIGN_OR_RETURN(data, AtomicFile::Create(target));
    CNNOPT_ASSIGN_OR_RETURN(const auto written, payloads->Write(NameOf(target), [&](absl::string_view bytes) {
      return data->Append(bytes);
    }));
    CNNOPT_RETURN_IF_ERROR(data->Finish());
    CNNOPT_RETURN_IF_ERROR(CheckFits(model, options));  // now with the references to the data file
    data_path = absl::StrCat(FolderOf(target), "/", written.name);
  }
  CNNOPT_ASSIGN_OR_RETURN(const std::unique_ptr<AtomicFile> file, AtomicFile::Create(target));
  CNNOPT_RETURN_IF_ERROR(WriteProto(model, *file));
  return Publish(std::move(data), data_path, *file, target);
}

absl::Status WriteFileAtomically(absl::string_view bytes, const std::string& path) {
  CNNOPT_ASSIGN_OR_RETURN(const std::string target, ResolveLinks(path));
  CNNOPT_ASSIGN_OR_RETURN(const std::unique_ptr<AtomicFile> file, AtomicFile::Create(target));
  CNNOPT_RETURN_IF_ERROR(file->Append(bytes));
  CNNOPT_RETURN_IF_ERROR(file->Finish());
  return Publish(nullptr, "", *file, target);
}

bool SameFile(const std::string& a, const std::string& b) {
  struct stat first{}, second{};
  return stat(a.c_str(), &first) == 0 && stat(b.c_str(), &second) == 0 && first.st_dev == second.st_dev &&
         first.st_ino == second.st_ino;
}

}  // namespace cnnopt
