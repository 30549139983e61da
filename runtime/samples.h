// Samples to run a model on: read from .npy and .npz files, or made up.
#ifndef CNNOPT_RUNTIME_SAMPLES_H_
#define CNNOPT_RUNTIME_SAMPLES_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "onnx/onnx_pb.h"
#include "onnx_io/tensor.h"
#include "runtime/session.h"

namespace cnnopt {

// An input a caller must feed. `shape` is complete, batch included (see InputShapes).
struct InputInfo {
  std::string name;
  int32_t data_type = onnx::TensorProto::FLOAT;
  Shape shape;
};
// Errors: Unimplemented when an input is no dense tensor.
absl::StatusOr<std::vector<InputInfo>> ModelInputs(const onnx::ModelProto& model,
                                                   const std::map<std::string, Shape>& shapes);

// Reads a .npy array. C or Fortran order, little or big endian, bool, integer and float dtypes, versions 1 to 3.
// Object arrays are refused, never unpickled. Errors: NotFound, InvalidArgument, ResourceExhausted (declared size
// over `max_bytes`); the declared size is checked against the file before anything is allocated.
absl::StatusOr<Tensor> ReadNpy(const std::string& path, int64_t max_bytes = int64_t{1} << 34);
// All arrays of a .npz file (a zip of .npy), by name. Same errors.
absl::StatusOr<std::map<std::string, Tensor>> ReadNpz(const std::string& path, int64_t max_bytes = int64_t{1} << 34);

// Shapes of one sample per input as the file at `path` holds them (batch as the file's first axis replaced by 1),
// so that a calibration file also settles dynamic inputs: {input name: shape}.
absl::StatusOr<std::map<std::string, Shape>> SampleShapes(const std::string& path, const onnx::ModelProto& model);

// Up to `limit` samples from `path`: .npy for models with one input, .npz with one array per input. The first axis
// counts samples; each sample takes as many rows as the input's batch. When there are more than `limit`, an evenly
// spaced selection in file order. Float arrays are converted to the input's dtype. Errors: InvalidArgument naming
// the input with expected and found shape, else as ReadNpy.
absl::StatusOr<std::vector<Sample>> ReadSamples(const std::string& path, const std::vector<InputInfo>& inputs,
                                                int64_t limit);

// `count` seeded samples with natural-image statistics: for inputs with two or more spatial axes a 1/f amplitude
// spectrum, correlated colour channels, zero mean and unit variance per sample with varying contrast and
// brightness; for one spatial axis a 1/f signal; otherwise white noise. Integer inputs: small non-negative
// numbers (uint8: 0..255 images); bool: false. The same seed gives the same bytes everywhere.
absl::StatusOr<std::vector<Sample>> SyntheticSamples(const std::vector<InputInfo>& inputs, int64_t count,
                                                     uint64_t seed);

}  // namespace cnnopt

#endif  // CNNOPT_RUNTIME_SAMPLES_H_
