// The only door to ONNX Runtime, whose library is opened at run time: weight-only work needs none.
#ifndef CNNOPT_RUNTIME_SESSION_H_
#define CNNOPT_RUNTIME_SESSION_H_

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "onnx/onnx_pb.h"
#include "onnx_io/tensor.h"

namespace cnnopt {

// A dense array as a session takes and gives it: row-major, little endian, `data_type` as in TensorProto.
struct Tensor {
  int32_t data_type = onnx::TensorProto::FLOAT;
  Shape shape;
  std::string bytes;
};
// The elements of a floating, integer or bool tensor as double. Errors: Unimplemented (other dtypes),
// InvalidArgument (bytes do not fit the shape), OutOfRange (a UINT64 beyond INT64).
absl::StatusOr<std::vector<double>> ToDoubles(const Tensor& tensor);
// `values` as a tensor of `data_type`: floating or integer (rounded to nearest even, saturated, NaN as integer 0), or
// bool (not zero). Errors: Unimplemented (other dtypes), InvalidArgument (number of values).
absl::StatusOr<Tensor> FromDoubles(absl::Span<const double> values, Shape shape, int32_t data_type);

// One set of inputs of a forward pass, by input name.
using Sample = std::map<std::string, Tensor>;

// An opened ONNX Runtime library.
class OnnxRuntime {
 public:
  // Opens `path`; when it is empty, $CNNOPT_ORT, then the library set-up installed, then "libonnxruntime.so.1"
  // from the system's search path. Sets ORT_DISABLE_TELEMETRY=1 before anything is opened: the official builds
  // otherwise write files and start a thread. A process can use one library: once it is open, "" and its own path
  // give it again, any other path is an error. Thread-safe. Errors: NotFound (no library: names what was tried and
  // the flag --ort), FailedPrecondition (older than API 21, not an ONNX Runtime, or another one is open).
  static absl::StatusOr<std::shared_ptr<const OnnxRuntime>> Open(const std::string& path = "");
  ~OnnxRuntime();
  const std::string& version() const;

  struct Impl;
  const Impl& impl() const { return *impl_; }

 private:
  OnnxRuntime();
  std::unique_ptr<Impl> impl_;
};

// What is known of a value that will be fed.
struct GivenValue {
  int32_t data_type = onnx::TensorProto::FLOAT;
  size_t rank = 0;
};

struct SessionOptions {
  int threads = 1;
  bool optimize = true;                    // false: ONNX Runtime's own fusions off, the graph runs as written
  std::vector<std::string> extra_outputs;  // values inside the graph to return after the model's own outputs
  bool own_outputs = true;                 // false: only extra_outputs, and no node runs that they do not depend on
  // Values inside the graph that the caller feeds: nodes behind them do not run. With any, own_outputs must be false,
  // and the inputs to feed are exactly input_names().
  std::map<std::string, GivenValue> given = {};
};

// One model ready to run. Thread-safe.
class Session {
 public:
  // Big payloads are lent to the session, not serialised: `model` must outlive it and stay unchanged. Without
  // `optimize` the session has no copy of them; otherwise ONNX Runtime makes one in the layout it likes.
  // Errors: InvalidArgument (unknown operator, type error, ...) and Unimplemented (no kernel), with ONNX Runtime's
  // message.
  static absl::StatusOr<Session> Create(std::shared_ptr<const OnnxRuntime> runtime, const onnx::ModelProto& model,
                                        const SessionOptions& options = {});
  Session(Session&&) noexcept;
  Session& operator=(Session&&) noexcept;
  ~Session();

  std::vector<std::string> input_names() const;          // those that must be fed, sorted
  const std::vector<std::string>& output_names() const;  // the model's outputs, then extra_outputs
  // Outputs in the order of output_names(). Non-tensor outputs (sequences, maps) come back as an empty Tensor of
  // data_type UNDEFINED, so do strings. Errors: InvalidArgument (inputs do not fit, the run failed).
  absl::StatusOr<std::vector<Tensor>> Run(const Sample& inputs) const;

 private:
  struct Impl;
  explicit Session(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace cnnopt

#endif  // CNNOPT_RUNTIME_SESSION_H_
