// The record beside an output: "net.onnx.cnnopt.json" says how net.onnx came to be, or why it is not there.
#ifndef CNNOPT_BATCH_SIDECAR_H_
#define CNNOPT_BATCH_SIDECAR_H_

#include <optional>
#include <string>

#include "absl/status/status.h"
#include "batch/record.h"

namespace cnnopt {

std::string SidecarPath(const std::string& output);

// What stands beside `output`; nullopt when nothing does or it is damaged: then the model is simply done again.
std::optional<Record> ReadSidecar(const std::string& output);
absl::Status WriteSidecar(const Record& record, const std::string& output);

// Whether `record`, found beside `output`, makes another run needless: it was made with the same `key`, no further try
// is due, and what it says of the output is still so, to the last byte.
bool IsStillGood(const Record& record, const std::string& output, const std::string& key, int64_t tries);

}  // namespace cnnopt

#endif  // CNNOPT_BATCH_SIDECAR_H_
