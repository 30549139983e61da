// Samples to run a model on: read from files of many kinds (docs/calibration.md), or made up.
#ifndef CNNOPT_RUNTIME_SAMPLES_H_
#define CNNOPT_RUNTIME_SAMPLES_H_

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "onnx/onnx_pb.h"
#include "onnx_io/tensor.h"
#include "runtime/image_options.h"
#include "runtime/session.h"

namespace cnnopt {

// An input a caller must feed. `shape` is complete, batch included (see InputShapes).
struct InputInfo {
  std::string name;
  int32_t data_type = onnx::TensorProto::FLOAT;
  Shape shape;
};
// The graph's inputs that `shapes` names, in the graph's order. Errors: Unimplemented when one is no dense tensor of
// numbers.
absl::StatusOr<std::vector<InputInfo>> ModelInputs(const onnx::ModelProto& model,
                                                   const std::map<std::string, Shape>& shapes);

// An array in memory that feeds an input: one sample, samples behind each other, or whole inputs behind each other, as
// in a .npy file. Row-major, little endian; `bytes` stay the caller's.
struct ArrayView {
  std::string name;  // of the input; "" where there is only one
  int32_t data_type = onnx::TensorProto::FLOAT;
  Shape shape;
  absl::string_view bytes;
};

// Samples and the files they were read from, in order, each once.
struct SampleSet {
  std::vector<Sample> samples;
  std::vector<int64_t> indices;  // of each among all there are, ascending
  std::vector<std::string> files;
};

// Calibration data on disk: samples in a fixed order, of which those that are wanted are read.
class SampleFiles {
 public:
  // Opens `paths`, at least one, for the inputs of `model` that have no initializer. A path is NAME=PATH when what
  // stands before its first '=' is the name of such an input; it then feeds that one. At most one path has no name: it
  // feeds all other inputs. What kind of data a path holds is seen in its extension, its first bytes or, of a folder,
  // the files in it. No sample is read yet.
  // Errors, one line each, naming the path with what was expected and found: NotFound, PermissionDenied, Unavailable
  // (I/O), InvalidArgument, ResourceExhausted (a limit, named).
  static absl::StatusOr<SampleFiles> Open(const std::vector<std::string>& paths, const onnx::ModelProto& model,
                                          const ImageOptions& images = {});
  // The same for arrays in memory, which must outlive it; several of one input stand behind each other. Errors:
  // InvalidArgument.
  static absl::StatusOr<SampleFiles> OfArrays(const std::vector<ArrayView>& arrays, const onnx::ModelProto& model);
  SampleFiles(SampleFiles&&) noexcept;
  SampleFiles& operator=(SampleFiles&&) noexcept;
  ~SampleFiles();

  // The shape of one sample per input, so that the data also settles sizes that the model and `given` leave open. The
  // batch is the model's, 1 where that is open. Errors: InvalidArgument when data and model do not fit, or when both
  // leave a size open.
  absl::StatusOr<std::map<std::string, Shape>> Shapes(const std::map<std::string, Shape>& given = {}) const;

  // Up to `limit` samples for `inputs`, all inputs of the model. The data counts rows, of which each sample takes as
  // many as the input's batch; rows that do not fill a batch are left over. When there are more than `limit` samples,
  // an evenly spaced selection in order; the others are not kept and, as far as the format allows, not read. Values of
  // another dtype are converted one by one, as FromDoubles does. Errors: as Open; ResourceExhausted when the samples
  // take more than 16 GiB.
  absl::StatusOr<SampleSet> Read(const std::vector<InputInfo>& inputs, int64_t limit) const;

  // Every file that Read might read.
  std::vector<std::string> Files() const;
  // Whether any path holds images, so that ImageOptions mean something.
  bool HaveImages() const;

 private:
  struct Impl;
  explicit SampleFiles(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// A digest of the content of `files` in order, whatever they are called: of a single one its SHA-256, of several the
// SHA-256 of their digests, 64 hex digits and '\n' each. Errors as FileSha256.
absl::StatusOr<std::string> ContentSha256(const std::vector<std::string>& files);

// A digest of the names, dtypes, shapes and bytes of `arrays`, in order.
std::string ArraysSha256(const std::vector<ArrayView>& arrays);

// `count` seeded samples. Inputs of rank 3 and more, channels second (or last, when that axis has size 1 or 3 and the
// second has not), get pictures with natural-image statistics: a 1/f amplitude spectrum in all spatial axes, edges,
// colour channels (three of them) with correlation 0.9; mean 0 and variance about 1 over many, contrast and brightness
// vary. Others get white noise of variance 1. UINT8 inputs get such pictures in 0..255, other integers 0..3, bool
// false. The same seed gives the same bytes everywhere, and sample i does not depend on `count`.
// Errors: ResourceExhausted (more than 2^29 elements in all, or an input without any), Unimplemented (other dtypes).
absl::StatusOr<std::vector<Sample>> SyntheticSamples(const std::vector<InputInfo>& inputs, int64_t count,
                                                     uint64_t seed);

}  // namespace cnnopt

#endif  // CNNOPT_RUNTIME_SAMPLES_H_
