// Opening ONNX Runtime's library.
#include <dlfcn.h>

#include <cstdlib>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "onnx_io/status_macros.h"
#include "runtime/ort.h"
#include "runtime/session.h"

namespace cnnopt {
namespace {

// A library that dlopen found. It is never closed: some builds crash when they are unloaded while the process ends.
struct Library {
  void* handle = nullptr;
  std::string path;
};

// ONNX Runtime has one instance per process: its C++ interface keeps the library's function table in a global.
struct Opened {
  std::mutex mutex;
  Library library;
  std::shared_ptr<const OnnxRuntime> runtime;
};
Opened& TheOnlyOne() {
  static Opened* const opened = new Opened;  // outlives every static object that may still hold a session
  return *opened;
}

std::vector<std::string> Candidates(const std::string& path) {
  if (!path.empty()) {
    return {path};
  }
  if (const char* variable = std::getenv("CNNOPT_ORT"); variable != nullptr && *variable != '\0') {
    return {variable};
  }
  return {CNNOPT_DEFAULT_ORT, "libonnxruntime.so.1"};
}

absl::StatusOr<Library> OpenLibrary(const std::vector<std::string>& candidates) {
  std::vector<std::string> failures;
  for (const std::string& path : candidates) {
    if (void* handle = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL); handle != nullptr) {
      return Library{handle, path};
    }
    const char* why = dlerror();
    failures.push_back(absl::StrCat("'", path, "' (", why == nullptr ? "unknown error" : why, ")"));
  }
  return absl::NotFoundError(
      absl::StrCat("no ONNX Runtime library: tried ", absl::StrJoin(failures, ", "), "; give its path with --ort"));
}

// Whether a library of this version, "1.19.2", lacks what is asked of it. It would say so on stderr, so it is not
// asked.
bool IsTooOld(absl::string_view version) {
  const std::vector<absl::string_view> parts = absl::StrSplit(version, '.');
  int major = 0, minor = 0;
  return parts.size() >= 2 && absl::SimpleAtoi(parts[0], &major) && absl::SimpleAtoi(parts[1], &minor) &&
         (major < 1 || (major == 1 && minor < ORT_API_VERSION));
}

absl::StatusOr<std::string> InitApi(const Library& library) {
  using GetApiBase = const OrtApiBase* (*)();
  const auto get_api_base = reinterpret_cast<GetApiBase>(dlsym(library.handle, "OrtGetApiBase"));
  if (get_api_base == nullptr) {
    return absl::FailedPreconditionError(absl::StrCat("'", library.path, "' is not an ONNX Runtime library"));
  }
  const OrtApiBase* const base = get_api_base();
  const std::string version = base->GetVersionString();
  const OrtApi* const api = IsTooOld(version) ? nullptr : base->GetApi(ORT_API_VERSION);
  if (api == nullptr) {
    return absl::FailedPreconditionError(
        absl::StrCat("ONNX Runtime ", version, " ('", library.path, "') is older than 1.", ORT_API_VERSION));
  }
  Ort::InitApi(api);
  return version;
}

// What goes wrong comes back as an exception too; nothing is printed.
void ORT_API_CALL DropMessage(void*, OrtLoggingLevel, const char*, const char*, const char*, const char*) {}

}  // namespace

absl::Status OrtStatus(const Ort::Exception& error, absl::string_view doing, absl::StatusCode otherwise) {
  absl::StatusCode code = otherwise;
  switch (error.GetOrtErrorCode()) {
    case ORT_INVALID_ARGUMENT:
    case ORT_INVALID_PROTOBUF:
    case ORT_INVALID_GRAPH:
      code = absl::StatusCode::kInvalidArgument;
      break;
    case ORT_NOT_IMPLEMENTED:
      code = absl::StatusCode::kUnimplemented;
      break;
    default:
      break;
  }
  const std::vector<std::string> words = absl::StrSplit(error.what(), absl::ByAnyChar(" \t\r\n"), absl::SkipEmpty());
  return absl::Status(code, absl::StrCat(doing, ": ", absl::StrJoin(words, " ")));
}

absl::StatusOr<std::shared_ptr<const OnnxRuntime>> OnnxRuntime::Open(const std::string& path) {
  Opened& opened = TheOnlyOne();
  const std::lock_guard<std::mutex> lock(opened.mutex);
  if (opened.runtime != nullptr) {
    // RTLD_NOLOAD tells whether it is the same file without running another library's start-up code.
    if (path.empty() || dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NOLOAD) == opened.library.handle) {
      return opened.runtime;
    }
    return absl::FailedPreconditionError(absl::StrCat("a process can use one ONNX Runtime: '", opened.library.path,
                                                      "' is open, '", path, "' was asked for"));
  }
  // Official builds otherwise write a device id and a database under the user's cache folder and start a thread.
  setenv("ORT_DISABLE_TELEMETRY", "1", /*overwrite=*/0);
  CNNOPT_ASSIGN_OR_RETURN(Library library, OpenLibrary(Candidates(path)));
  CNNOPT_ASSIGN_OR_RETURN(std::string version, InitApi(library));
  std::shared_ptr<OnnxRuntime> runtime(new OnnxRuntime);
  runtime->impl_->version = std::move(version);
  CNNOPT_RETURN_IF_ERROR(CallOrt("starting ONNX Runtime", absl::StatusCode::kFailedPrecondition, [&] {
    runtime->impl_->env = Ort::Env(ORT_LOGGING_LEVEL_ERROR, "cnnopt", DropMessage, nullptr);
  }));
  opened.library = std::move(library);
  opened.runtime = std::move(runtime);
  return opened.runtime;
}

OnnxRuntime::OnnxRuntime() : impl_(std::make_unique<Impl>()) {}
OnnxRuntime::~OnnxRuntime() = default;
const std::string& OnnxRuntime::version() const { return impl_->version; }

}  // namespace cnnopt
