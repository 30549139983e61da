// Reading and writing .onnx files: limits, external data, atomic replacement.
#ifndef CNNOPT_ONNX_IO_MODEL_FILE_H_
#define CNNOPT_ONNX_IO_MODEL_FILE_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "onnx/onnx_pb.h"
#include "onnx_io/limits.h"
#include "onnx_io/stored_payload.h"

namespace cnnopt {

// A model as it was read. All tensor payloads are in `proto` (external data has been loaded into raw_data, or is
// marked); nodes are in topological order. Everything else in it is as the file had it, unknown fields included.
struct ModelFile {
  onnx::ModelProto proto;
  std::string path;   // as given; empty: it came from memory
  int64_t bytes = 0;  // of the .onnx file and the external ranges it uses
  bool had_external_data = false;
  std::vector<std::unique_ptr<StoredPayload>> stored = {};  // of external data that was not loaded; see ReadOptions
};

struct ReadOptions {
  // Big external payloads stay in their files until someone looks at them (MarkStored); tensors of `proto` and copies
  // of it then refer to `stored`, which must outlive them.
  bool leave_stored = false;
};

// Reads the model at `path`, checks it (ValidateModel, then onnx's own checker where it knows the opsets) and
// loads its external data.
// Errors: NotFound (no such file); InvalidArgument (a folder, empty, a Git LFS pointer, HTML, gzip, not a
// protobuf, malformed model: the message names the node or tensor); ResourceExhausted (a limit of `limits`,
// named); PermissionDenied and Unavailable for I/O failures.
absl::StatusOr<ModelFile> ReadModel(const std::string& path, const Limits& limits = {},
                                    const ReadOptions& options = {});
// The same for the bytes of a model file, and for a model that is parsed already. Both have no path, and external data
// is an error: InvalidArgument.
absl::StatusOr<ModelFile> ReadModelBytes(absl::string_view bytes, const Limits& limits = {});
absl::StatusOr<ModelFile> CheckModel(onnx::ModelProto proto, const Limits& limits = {});

struct WriteOptions {
  // Payloads of at least this many bytes go to an external file beside the model; negative: none do, unless
  // the model would pass protobuf's 2 GiB.
  int64_t external_threshold = -1;
  // The most a protobuf file can hold. A model that takes more has its payloads from 1 KiB on written externally.
  int64_t protobuf_bytes = (int64_t{1} << 31) - 1;
};

// Writes `model` to `path` atomically: `path` holds the old file or the whole new one, at every moment. Same model,
// same bytes. A link at `path` stays: the file it leads to is replaced. The permissions of an old file are kept, not
// its owner.
// External data goes to "<file name>.<16 hex digits of its SHA-256>.data" in the same folder as the file replaced,
// which no older model can refer to with other content; data files of older models are left alone.
// `model` is only changed while it is written (payloads are moved out and back) and is the same afterwards.
// Errors: NotFound (folder missing), InvalidArgument (a folder, a device), PermissionDenied, ResourceExhausted (disk
// full, file size limit, more than 2 GiB of other things than payloads), Unavailable (other I/O). None of them leaves
// a temporary file or touches the old file.
absl::Status WriteModel(onnx::ModelProto& model, const std::string& path, const WriteOptions& options = {});

class AtomicFile;

// Several files that take their names together, once all of them are complete: a failure while they are written leaves
// every old file as it is. Errors are those of WriteModel.
class StagedFiles {
 public:
  StagedFiles();
  ~StagedFiles();  // removes what was not published
  StagedFiles(const StagedFiles&) = delete;
  StagedFiles& operator=(const StagedFiles&) = delete;

  // Write a model (with its data file) or bytes to temporary files. Give the path at which the model or the bytes can
  // be read until Publish.
  absl::StatusOr<std::string> StageModel(onnx::ModelProto& model, const std::string& path,
                                         const WriteOptions& options = {});
  absl::StatusOr<std::string> StageBytes(absl::string_view bytes, const std::string& path);
  // The same for bytes that `next` gives piece by piece, the last one empty. Its errors come back as they are.
  absl::StatusOr<std::string> StagePieces(const std::function<absl::StatusOr<absl::string_view>()>& next,
                                          const std::string& path);

  // Renames all, the first one staged last. When a rename fails, the files renamed before it give their names back to
  // the old ones: none may report what did not happen.
  absl::Status Publish();

 private:
  struct Staged {
    std::unique_ptr<AtomicFile> file;
    std::string path;
    bool is_data = false;  // named after its content
  };
  static absl::Status TakeName(const Staged& staged, bool is_last, std::vector<std::function<void()>>& undo);

  std::vector<Staged> staged_;
};

// What WriteModel would write for the same arguments: bytes of the .onnx file and of its data file. Touches no file;
// `model` is the same afterwards. Errors: ResourceExhausted as WriteModel.
absl::StatusOr<int64_t> WrittenBytes(onnx::ModelProto& model, const std::string& path,
                                     const WriteOptions& options = {});

// Writes `bytes` to `path` atomically, as WriteModel does.
absl::Status WriteFileAtomically(absl::string_view bytes, const std::string& path);

// Whether both paths name the same existing file, through links too.
bool SameFile(const std::string& a, const std::string& b);

}  // namespace cnnopt

#endif  // CNNOPT_ONNX_IO_MODEL_FILE_H_
