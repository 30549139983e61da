// Which functions of a model call which.
#ifndef CNNOPT_ONNX_IO_CALL_GRAPH_H_
#define CNNOPT_ONNX_IO_CALL_GRAPH_H_

#include "absl/status/status.h"
#include "onnx/onnx_pb.h"
#include "onnx_io/limits.h"

namespace cnnopt {

// No two functions of `model` have the same name, none calls itself, through others or nested graphs either, and no
// chain of calls is longer than the depth limit. Nor are there more nodes than the limit once every call is replaced by
// what it calls, as shape inference and runtimes do: a few functions that each call the next one twice would be
// millions. The nesting of graphs must have been checked. Linear. Errors: InvalidArgument naming a function,
// ResourceExhausted.
absl::Status ValidateCalls(const onnx::ModelProto& model, const Limits& limits);

}  // namespace cnnopt

#endif  // CNNOPT_ONNX_IO_CALL_GRAPH_H_
