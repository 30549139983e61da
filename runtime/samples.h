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
#include "runtime/npy.h"
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

// The shape of one sample per input as the file at `path` (see ReadSamples) holds it, so that a calibration file also
// settles dynamic inputs: {input name: shape}. The batch is the model's, 1 where that is open. Errors: as ReadSamples.
absl::StatusOr<std::map<std::string, Shape>> SampleShapes(const std::string& path, const onnx::ModelProto& model);

// Up to `limit` samples from `path`: .npy for models with one input, .npz with one array per input. The first axis
// counts rows, of which each sample takes as many as the input's batch; rows that do not fill a batch are left over.
// An array of one axis less than the input is one row; one of one axis more holds whole inputs. When there are more
// than `limit` samples, an evenly spaced selection in file order. Arrays of another dtype are converted to the
// input's value by value, as FromDoubles does. Errors: InvalidArgument naming the input with expected and found
// shape, else as ReadNpz.
absl::StatusOr<std::vector<Sample>> ReadSamples(const std::string& path, const std::vector<InputInfo>& inputs,
                                                int64_t limit);

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
