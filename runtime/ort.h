// ONNX Runtime's C++ interface as the files of this folder use it. Not for other folders.
#ifndef CNNOPT_RUNTIME_ORT_H_
#define CNNOPT_RUNTIME_ORT_H_

#include <exception>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "onnxruntime_cxx_api.h"
#include "runtime/session.h"

namespace cnnopt {

struct OnnxRuntime::Impl {
  std::string version;
  Ort::Env env{nullptr};
};

// An exception of ONNX Runtime as a status of one line, "<doing>: <its message>". Errors ONNX Runtime does not
// classify get the code `otherwise`.
absl::Status OrtStatus(const Ort::Exception& error, absl::string_view doing, absl::StatusCode otherwise);

// Calls `function`, which returns nothing, and turns what it throws into a status.
template <typename Function>
absl::Status CallOrt(absl::string_view doing, absl::StatusCode otherwise, const Function& function) {
  try {
    function();
  } catch (const Ort::Exception& error) {
    return OrtStatus(error, doing, otherwise);
  } catch (const std::exception& error) {
    return absl::InternalError(std::string(doing) + ": " + error.what());
  }
  return absl::OkStatus();
}

}  // namespace cnnopt

#endif  // CNNOPT_RUNTIME_ORT_H_
