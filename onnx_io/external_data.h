// Tensor payloads that stand in other files beside the model.
#ifndef CNNOPT_ONNX_IO_EXTERNAL_DATA_H_
#define CNNOPT_ONNX_IO_EXTERNAL_DATA_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "onnx/onnx_pb.h"
#include "onnx_io/file_io.h"
#include "onnx_io/stored_payload.h"

namespace cnnopt {

struct ExternalRange {
  std::string location;  // a relative path that stays in its folder, links aside
  int64_t offset = 0;
  std::optional<int64_t> length;
};

// Where `tensor`, whose data_location is EXTERNAL, has its payload. Looks at no file.
// Errors: InvalidArgument, which does not name the tensor: location missing, empty, absolute, with "..", a backslash,
// a drive letter or a NUL; offset or length not a plain number; a key given twice.
absl::StatusOr<ExternalRange> ReadExternalRange(const onnx::TensorProto& tensor);

struct LoadedData {
  int64_t tensors = 0;
  int64_t bytes = 0;
};

// Loads every external payload of `model`, which ValidateModel has accepted, into raw_data. Files are looked for in
// the folder of `model_path` as given, then in the folder of the file it links to; the real path of each must lie in
// one of the two. Nothing is loaded before all ranges are known to exist and to fit into `memory_bytes` together.
// Errors, naming tensor and file: NotFound, InvalidArgument (leads out of the folder, not a
// regular file, range beyond the end), ResourceExhausted (memory), Unavailable (changed while it was read).
// With `stored`, big payloads of the main graph stay in their file: the tensors are marked (MarkStored) and what they
// are marked with is added to `stored`. They count towards `memory_bytes` all the same.
absl::StatusOr<LoadedData> LoadExternalData(onnx::ModelProto& model, const std::string& model_path,
                                            int64_t memory_bytes,
                                            std::vector<std::unique_ptr<StoredPayload>>* stored = nullptr);

// Moves payloads out of a model into a data file, for as long as this object lives.
class ExternalPayloads {
 public:
  // Takes the raw_data of at least `threshold` bytes (negative: nothing) from initializers and node attributes.
  // Payloads in typed fields, of sparse tensors and in functions stay: not every reader looks for external data there.
  ExternalPayloads(onnx::ModelProto& model, int64_t threshold);
  ExternalPayloads(const ExternalPayloads&) = delete;
  ExternalPayloads& operator=(const ExternalPayloads&) = delete;
  ~ExternalPayloads();  // puts everything back

  bool empty() const { return moved_.empty(); }
  struct DataFile {
    std::string name;
    int64_t bytes = 0;
  };
  // Gives the content of the data file to `append` piece by piece: the payloads, aligned, equal ones once. Its name
  // begins with `model_name` and holds 16 digits of the content's SHA-256; the model's tensors then refer to it.
  absl::StatusOr<DataFile> Write(const std::string& model_name,
                                 const std::function<absl::Status(absl::string_view)>& append);

 private:
  struct Moved {
    onnx::TensorProto* tensor;
    std::string payload;
    const StoredPayload* stored = nullptr;  // in place of `payload`
    onnx::TensorProto old_fields = {};      // data_location and external_data as they were

    int64_t bytes() const;
    absl::StatusOr<std::string> Checksum() const;
  };
  std::vector<Moved> moved_;
};

}  // namespace cnnopt

#endif  // CNNOPT_ONNX_IO_EXTERNAL_DATA_H_
