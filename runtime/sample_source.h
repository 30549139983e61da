// What a kind of calibration data has to offer. Not for other folders: they use samples.h.
#ifndef CNNOPT_RUNTIME_SAMPLE_SOURCE_H_
#define CNNOPT_RUNTIME_SAMPLE_SOURCE_H_

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "runtime/image_options.h"
#include "runtime/samples.h"
#include "runtime/session.h"

namespace cnnopt {

// An input that a caller must feed, as far as the model and the caller tell.
struct DeclaredInput {
  std::string name;
  int32_t data_type = onnx::TensorProto::FLOAT;
  bool ranked = true;  // false: of unknown rank, `shape` is empty
  Shape shape;         // -1: open
  int64_t place = 0;   // among the inputs a caller must feed
  int64_t places = 1;  // how many of these there are
};

// Samples of one input and the files they came from, each file once for every time it was read.
struct InputSamples {
  std::vector<Tensor> tensors;
  std::vector<std::string> files;
};

// The samples of one input at one path. Errors name the file.
class InputSource {
 public:
  virtual ~InputSource() = default;
  // The shape of one sample, batch included: the model's, 1 where that is open. Errors: InvalidArgument when the data
  // does not fit, or leaves open what `input` does.
  virtual absl::StatusOr<Shape> SampleShape(const DeclaredInput& input) const = 0;
  // How many samples of the complete shape of `input` there are.
  virtual absl::StatusOr<int64_t> Count(const InputInfo& input) const = 0;
  // The samples `chosen`, ascending and below Count, of the dtype and shape of `input`. Reads no other samples, as far
  // as the format allows.
  virtual absl::StatusOr<InputSamples> Read(const InputInfo& input, absl::Span<const int64_t> chosen) const = 0;
  // All files it might read.
  virtual std::vector<std::string> Files() const = 0;
};
using InputSources = std::map<std::string, std::unique_ptr<InputSource>>;  // by input name

// What stands at a path.
struct SamplePlace {
  std::string path;
  bool is_folder = false;
  std::vector<std::string> files;  // of a folder: see FilesBelow
  std::string start;               // of a file: its first bytes

  std::string Below(const std::string& file) const { return path + "/" + file; }
};

// A kind of calibration data. `open` gives a source for each of `inputs`, or an error that names the path.
struct SampleKind {
  const char* what;                     // "arrays (.npy, .npz)"
  std::vector<const char*> extensions;  // of single files, see Extension
  std::vector<std::string> starts;      // of single files with other extensions
  bool (*in_folder)(
      const std::string& file);  // whether a file below a folder is such data; null: folders never hold it
  absl::StatusOr<InputSources> (*open)(const SamplePlace& place, const std::vector<DeclaredInput>& inputs,
                                       const ImageOptions& images);
  bool uses_image_options = false;
};
SampleKind ArrayKind();
// A source for each input that `arrays` name, those of one input behind each other.
absl::StatusOr<InputSources> SourcesOfArrays(absl::Span<const ArrayView> arrays,
                                             const std::vector<DeclaredInput>& inputs);
SampleKind ProtobufKind();
SampleKind ImageKind();
SampleKind BytesKind();

}  // namespace cnnopt

#endif  // CNNOPT_RUNTIME_SAMPLE_SOURCE_H_
