#include <algorithm>
#include <limits>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "onnx_io/external_data.h"
#include "onnx_io/file_io.h"
#include "onnx_io/file_kind.h"
#include "onnx_io/memory_limit.h"
#include "onnx_io/model_file.h"
#include "onnx_io/parse_model.h"
#include "onnx_io/quote.h"
#include "onnx_io/sort_nodes.h"
#include "onnx_io/status_macros.h"
#include "onnx_io/tensor_walk.h"
#include "onnx_io/validate.h"
#include "onnx_io/wire_scan.h"

namespace cnnopt {
namespace {

absl::Status CheckHead(const InputFile& file, const Limits& limits) {
  if (file.size() == 0) {
    return absl::InvalidArgumentError("the file is empty");
  }
  char head[512];
  CNNOPT_ASSIGN_OR_RETURN(const size_t got, file.ReadAt(0, head, sizeof(head)));
  if (const char* kind = WrongKind(absl::string_view(head, got))) {
    return absl::InvalidArgumentError(absl::StrCat("this is ", kind));
  }
  const int64_t most = std::min<int64_t>(limits.file_bytes, std::numeric_limits<int32_t>::max());
  return file.size() <= most ? absl::OkStatus()
                             : LimitExceeded(&Limits::file_bytes, limits, "the size of the file", file.size());
}

// Of a model in memory, which has no folder where other files could stand.
absl::Status RefuseExternalData(onnx::ModelProto& model) {
  const onnx::TensorProto* found = nullptr;
  ForEachTensor(model, [&](onnx::TensorProto& tensor, TensorPlace) {
    if (tensor.data_location() == onnx::TensorProto::EXTERNAL) found = &tensor;
  });
  return found == nullptr ? absl::OkStatus()
                          : absl::InvalidArgumentError(absl::StrCat(
                                "tensor ", Quote(found->name()),
                                " has external data, which a model in memory cannot refer to: go from file to file"));
}

// Fills in all of `model` but its path; errors do not name the file.
absl::Status Read(const InputFile& file, const Limits& limits, const ReadOptions& options, ModelFile& model) {
  CNNOPT_RETURN_IF_ERROR(CheckHead(file, limits));
  Limits effective = limits;
  effective.memory_bytes = limits.memory_bytes > 0 ? limits.memory_bytes : DefaultMemoryLimit();
  std::vector<WirePayload> payloads;
  CNNOPT_ASSIGN_OR_RETURN(const int64_t parsed_bytes,
                          EstimateParsedBytes(file, *onnx::ModelProto::descriptor(), &payloads));
  if (parsed_bytes > effective.memory_bytes) {
    return LimitExceeded(&Limits::memory_bytes, effective, "the memory it takes", parsed_bytes);
  }
  CNNOPT_RETURN_IF_ERROR(ParseModel(file, payloads, model.proto));
  CNNOPT_RETURN_IF_ERROR(ValidateModel(model.proto, limits));
  CNNOPT_RETURN_IF_ERROR(SortNodes(model.proto));
  if (model.path.empty()) CNNOPT_RETURN_IF_ERROR(RefuseExternalData(model.proto));
  CNNOPT_ASSIGN_OR_RETURN(const LoadedData loaded,
                          LoadExternalData(model.proto, model.path, effective.memory_bytes - parsed_bytes,
                                           options.leave_stored ? &model.stored : nullptr));
  if (loaded.tensors > 0) {
    // What could not be checked without the payloads, as the indices of sparse tensors.
    CNNOPT_RETURN_IF_ERROR(ValidateModel(model.proto, limits));
  }
  model.had_external_data = loaded.tensors > 0;
  model.bytes = file.size() + loaded.bytes;
  return CheckWithOnnx(model.proto);
}

}  // namespace

absl::StatusOr<ModelFile> ReadModel(const std::string& path, const Limits& limits, const ReadOptions& options) {
  ModelFile model;
  model.path = path;
  CNNOPT_ASSIGN_OR_RETURN(const InputFile file, InputFile::Open(path));
  CNNOPT_RETURN_IF_ERROR(AnnotateWith(Read(file, limits, options, model), [&] { return Quote(path); }));
  return model;
}

absl::StatusOr<ModelFile> ReadModelBytes(absl::string_view bytes, const Limits& limits) {
  ModelFile model;
  CNNOPT_RETURN_IF_ERROR(AnnotateWith(Read(InputFile::OfBytes(bytes, "the model"), limits, {}, model),
                                      [] { return std::string("the model's bytes"); }));
  return model;
}

absl::StatusOr<ModelFile> CheckModel(onnx::ModelProto proto, const Limits& limits) {
  ModelFile model;
  model.proto = std::move(proto);
  model.bytes = static_cast<int64_t>(model.proto.ByteSizeLong());
  CNNOPT_RETURN_IF_ERROR(ValidateModel(model.proto, limits));
  CNNOPT_RETURN_IF_ERROR(SortNodes(model.proto));
  CNNOPT_RETURN_IF_ERROR(RefuseExternalData(model.proto));
  CNNOPT_RETURN_IF_ERROR(CheckWithOnnx(model.proto));
  return model;
}

}  // namespace cnnopt
