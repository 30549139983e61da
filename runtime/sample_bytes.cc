// Samples from raw bytes: whole inputs behind each other, little endian, in the input's own dtype.
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "onnx_io/file_io.h"
#include "onnx_io/open_inputs.h"
#include "onnx_io/quote.h"
#include "onnx_io/status_macros.h"
#include "runtime/arrangement.h"
#include "runtime/sample_source.h"

namespace cnnopt {
namespace {

class BytesSource : public InputSource {
 public:
  explicit BytesSource(std::string path) : path_(std::move(path)) {}

  absl::StatusOr<Shape> SampleShape(const DeclaredInput& input) const override {
    Shape shape = input.shape;
    for (size_t axis = 0; axis < shape.size(); ++axis) {
      shape[axis] = axis == 0 && shape[axis] < 0 ? 1 : shape[axis];
    }
    if (!input.ranked || ElementCount(shape) < 0) {
      return absl::InvalidArgumentError(
          absl::StrCat(Quote(path_), ": raw bytes have no shape, and the model leaves that of ", Quote(input.name),
                       " open: give ", ShapeFlag(input.name, input.shape), ", say"));
    }
    return shape;
  }

  absl::StatusOr<int64_t> Count(const InputInfo& input) const override {
    CNNOPT_ASSIGN_OR_RETURN(const InputFile file, InputFile::Open(path_));
    const int64_t sample_bytes = PayloadBytes(input.data_type, ElementCount(input.shape));
    if (file.size() == 0 || file.size() % sample_bytes != 0) {
      return absl::InvalidArgumentError(absl::StrCat(
          Quote(path_), ": expected a multiple of ", sample_bytes, " bytes, the size of input ", Quote(input.name),
          " with shape [", absl::StrJoin(input.shape, ","), "], found ", file.size(), " bytes"));
    }
    return file.size() / sample_bytes;
  }

  absl::StatusOr<InputSamples> Read(const InputInfo& input, absl::Span<const int64_t> chosen) const override {
    CNNOPT_ASSIGN_OR_RETURN(const InputFile file, InputFile::Open(path_));
    const int64_t sample_bytes = PayloadBytes(input.data_type, ElementCount(input.shape));
    InputSamples samples;
    samples.files.push_back(path_);
    for (const int64_t sample : chosen) {
      std::string bytes(static_cast<size_t>(sample_bytes), '\0');
      CNNOPT_RETURN_IF_ERROR(file.ReadAllAt(sample * sample_bytes, bytes.data(), bytes.size()));
      CNNOPT_ASSIGN_OR_RETURN(Tensor tensor, SampleTensor(input, input.data_type, std::move(bytes)));
      samples.tensors.push_back(std::move(tensor));
    }
    return samples;
  }

  std::vector<std::string> Files() const override { return {path_}; }

 private:
  const std::string path_;
};

absl::StatusOr<InputSources> OpenBytes(const SamplePlace& place, const std::vector<DeclaredInput>& inputs,
                                       const ImageOptions&) {
  CNNOPT_RETURN_IF_ERROR(CheckSingleInput(inputs, "raw bytes", place.path));
  InputSources sources;
  sources[inputs[0].name] = std::make_unique<BytesSource>(place.path);
  return sources;
}

}  // namespace

SampleKind BytesKind() { return {"raw bytes (.bin)", {"bin"}, {}, nullptr, OpenBytes}; }

}  // namespace cnnopt
