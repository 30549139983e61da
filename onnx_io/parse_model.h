// A model file parsed with its big payloads read in one go, straight to where they stay.
#ifndef CNNOPT_ONNX_IO_PARSE_MODEL_H_
#define CNNOPT_ONNX_IO_PARSE_MODEL_H_

#include <vector>

#include "absl/status/status.h"
#include "onnx/onnx_pb.h"
#include "onnx_io/file_io.h"
#include "onnx_io/wire_scan.h"

namespace cnnopt {

// What protobuf makes of `file`. Of itself protobuf does not believe a length beyond 50 MB: it lets such a string grow
// as bytes come, by doubling, which takes three times its memory and copies it again and again. Hence `payloads`, as
// EstimateParsedBytes lists them, are cut out of what it gets to see and read by offset afterwards.
// Errors, which do not name the file: InvalidArgument (no model), Unavailable (the file changed meanwhile, I/O).
absl::Status ParseModel(const InputFile& file, const std::vector<WirePayload>& payloads, onnx::ModelProto& model);

}  // namespace cnnopt

#endif  // CNNOPT_ONNX_IO_PARSE_MODEL_H_
