// A model for ONNX Runtime whose big payloads stay where they are.
#ifndef CNNOPT_RUNTIME_LEND_H_
#define CNNOPT_RUNTIME_LEND_H_

#include <vector>

#include "onnx/onnx_pb.h"

namespace cnnopt {

struct LentModel {
  onnx::ModelProto model;                      // the lent initializers marked external, without payload
  std::vector<const onnx::TensorProto*> lent;  // of the original model: these payloads go to the session by address
};

// Splits `model`, which is not changed and whose payloads are not copied. Lent are the main graph's initializers
// with at least `min_bytes` of well-sized raw_data that no caller can override.
LentModel Lend(const onnx::ModelProto& model, size_t min_bytes = 1024);

}  // namespace cnnopt

#endif  // CNNOPT_RUNTIME_LEND_H_
