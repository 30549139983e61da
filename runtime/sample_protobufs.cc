// Samples as ONNX's own test data holds them: test_data_set_K/input_N.pb, a TensorProto for the N-th input.
#include <cstdint>
#include <limits>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "onnx_io/file_io.h"
#include "onnx_io/limits.h"
#include "onnx_io/memory_limit.h"
#include "onnx_io/quote.h"
#include "onnx_io/status_macros.h"
#include "onnx_io/tensor.h"
#include "onnx_io/validate_tensor.h"
#include "onnx_io/wire_scan.h"
#include "runtime/arrangement.h"
#include "runtime/folder.h"
#include "runtime/read_file.h"
#include "runtime/sample_source.h"

namespace cnnopt {
namespace {

// The tensor in a file. Errors do not name the file.
absl::StatusOr<Tensor> DecodeTensorFile(const std::string& path) {
  Limits limits;
  limits.memory_bytes = DefaultMemoryLimit();
  CNNOPT_ASSIGN_OR_RETURN(const InputFile file, InputFile::Open(path));
  if (file.size() > limits.file_bytes) {
    return LimitExceeded(&Limits::file_bytes, limits, "the size of the file", file.size());
  }
  const absl::Status malformed = absl::InvalidArgumentError("not an ONNX tensor, or a damaged one");
  const absl::StatusOr<int64_t> memory = EstimateParsedBytes(file, *onnx::TensorProto::descriptor());
  if (!memory.ok()) {
    return absl::IsInvalidArgument(memory.status()) ? malformed : memory.status();
  }
  if (*memory > limits.memory_bytes) {
    return LimitExceeded(&Limits::memory_bytes, limits, "the memory it takes", *memory);
  }
  CNNOPT_ASSIGN_OR_RETURN(const std::string bytes, ReadFile(path, file.size()));
  onnx::TensorProto proto;
  if (bytes.empty() || !proto.ParseFromString(bytes)) {
    return malformed;
  }
  CNNOPT_RETURN_IF_ERROR(ValidateTensor(proto, limits, UnknownTypes::kRefuse));
  CNNOPT_ASSIGN_OR_RETURN(std::string payload, RawPayload(proto));
  return Tensor{proto.data_type(), TensorShape(proto), std::move(payload)};
}

absl::StatusOr<Tensor> ReadTensorFile(const std::string& path) {
  absl::StatusOr<Tensor> tensor = DecodeTensorFile(path);
  if (tensor.ok() || absl::StrContains(tensor.status().message(), Quote(path))) {
    return tensor;
  }
  return Annotate(tensor.status(), Quote(path));
}

// Files with one tensor each. How many rows a file holds is seen in the first; the others must be of the same shape.
class ProtobufSource : public InputSource {
 public:
  ProtobufSource(std::vector<std::string> files, int32_t data_type, Shape shape)
      : files_(std::move(files)), data_type_(data_type), shape_(std::move(shape)) {}

  absl::StatusOr<Shape> SampleShape(const DeclaredInput& input) const override {
    CNNOPT_ASSIGN_OR_RETURN(const Arrangement found, Arrange(input, shape_, files_[0]));
    return found.sample_shape;
  }

  absl::StatusOr<int64_t> Count(const InputInfo& input) const override {
    CNNOPT_ASSIGN_OR_RETURN(const Arrangement found, Arrange(input.name, input.shape, shape_, files_[0]));
    const int64_t rows_per_unit = found.kind == Arrangement::Kind::kWholeInputs ? input.shape[0] : 1;
    return SamplesOfRows(input, static_cast<int64_t>(files_.size()) * found.units * rows_per_unit, files_[0]);
  }

  absl::StatusOr<InputSamples> Read(const InputInfo& input, absl::Span<const int64_t> chosen) const override {
    CNNOPT_ASSIGN_OR_RETURN(const Arrangement found, Arrange(input.name, input.shape, shape_, files_[0]));
    const int64_t units_per_sample = found.UnitsPerSample();
    InputSamples samples;
    int64_t opened = -1;
    Tensor tensor;
    for (const int64_t sample : chosen) {
      std::string bytes;
      for (int64_t i = 0; i < units_per_sample; ++i) {
        const int64_t unit = sample * units_per_sample + i;
        if (unit / found.units != opened) {
          opened = unit / found.units;
          CNNOPT_ASSIGN_OR_RETURN(tensor, ReadAlike(files_[static_cast<size_t>(opened)]));
          samples.files.push_back(files_[static_cast<size_t>(opened)]);
        }
        const size_t size = tensor.bytes.size() / static_cast<size_t>(found.units);
        bytes.append(tensor.bytes, static_cast<size_t>(unit % found.units) * size, size);
      }
      CNNOPT_ASSIGN_OR_RETURN(Tensor made, SampleTensor(input, data_type_, std::move(bytes)));
      samples.tensors.push_back(std::move(made));
    }
    return samples;
  }

  std::vector<std::string> Files() const override { return files_; }

 private:
  // The tensor in `path`, which must be like the first file's.
  absl::StatusOr<Tensor> ReadAlike(const std::string& path) const {
    CNNOPT_ASSIGN_OR_RETURN(Tensor tensor, ReadTensorFile(path));
    if (tensor.shape != shape_ || tensor.data_type != data_type_) {
      return absl::InvalidArgumentError(absl::StrCat(Quote(path), ": expected ", Describe(data_type_, shape_),
                                                     " as in ", Quote(files_[0]), ", found ",
                                                     Describe(tensor.data_type, tensor.shape)));
    }
    return tensor;
  }

  static std::string Describe(int32_t data_type, const Shape& shape) {
    return absl::StrCat(onnx::TensorProto::DataType_Name(static_cast<onnx::TensorProto::DataType>(data_type)), " [",
                        absl::StrJoin(shape, ","), "]");
  }

  const std::vector<std::string> files_;  // at least one
  const int32_t data_type_;
  const Shape shape_;
};

absl::StatusOr<std::unique_ptr<InputSource>> MakeSource(std::vector<std::string> files) {
  CNNOPT_ASSIGN_OR_RETURN(const Tensor first, ReadTensorFile(files[0]));
  if (first.bytes.empty()) {
    return absl::InvalidArgumentError(absl::StrCat(Quote(files[0]), " holds an empty tensor"));
  }
  return std::make_unique<ProtobufSource>(std::move(files), first.data_type, first.shape);
}

// The N of "input_N.pb" in the folder itself or in one named test_data_set_*; -1: another file.
int64_t PlaceOf(const std::string& file) {
  const size_t slash = file.rfind('/');
  const std::string folder = slash == std::string::npos ? "" : file.substr(0, slash);
  absl::string_view name = file;
  name.remove_prefix(slash == std::string::npos ? 0 : slash + 1);
  int64_t place = -1;
  const bool right_folder =
      folder.empty() || (absl::StartsWith(folder, "test_data_set_") && folder.find('/') == std::string::npos);
  return right_folder && absl::ConsumePrefix(&name, "input_") && absl::ConsumeSuffix(&name, ".pb") && !name.empty() &&
                 absl::ascii_isdigit(static_cast<unsigned char>(name[0])) && absl::SimpleAtoi(name, &place)
             ? place
             : -1;
}

bool IsTestData(const std::string& file) { return PlaceOf(file) >= 0; }

absl::StatusOr<InputSources> OpenProtobufs(const SamplePlace& place, const std::vector<DeclaredInput>& inputs,
                                           const ImageOptions&) {
  InputSources sources;
  if (!place.is_folder) {
    CNNOPT_RETURN_IF_ERROR(CheckSingleInput(inputs, "one tensor", place.path));
    CNNOPT_ASSIGN_OR_RETURN(sources[inputs[0].name], MakeSource({place.path}));
    return sources;
  }
  std::vector<std::string> sets;  // folders, with the slash at the end
  std::map<std::string, std::map<int64_t, std::string>> files;
  for (const std::string& file : place.files) {
    if (!IsTestData(file)) {
      continue;
    }
    if (PlaceOf(file) >= inputs[0].places) {
      return absl::InvalidArgumentError(
          absl::StrCat(Quote(place.Below(file)), " is for no input: the model has ", inputs[0].places));
    }
    const std::string set = file.substr(0, file.rfind('/') + 1);
    if (files.count(set) == 0) {
      sets.push_back(set);
    }
    files[set].emplace(PlaceOf(file), file);
  }
  for (const DeclaredInput& input : inputs) {
    std::vector<std::string> found;
    for (const std::string& set : sets) {
      const auto file = files[set].find(input.place);
      if (file == files[set].end()) {
        return absl::InvalidArgumentError(absl::StrCat("no ", set, "input_", input.place, ".pb for input ",
                                                       Quote(input.name), " in ", OneLine(place.path)));
      }
      found.push_back(place.Below(file->second));
    }
    CNNOPT_ASSIGN_OR_RETURN(sources[input.name], MakeSource(std::move(found)));
  }
  return sources;
}

}  // namespace

SampleKind ProtobufKind() {
  return {"ONNX test data (test_data_set_*/input_*.pb)", {"pb"}, {}, IsTestData, OpenProtobufs};
}

}  // namespace cnnopt
