// The C interface, on the same jobs as the C++ one.
#include <cstdlib>
#include <cstring>
#include <new>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "api/entries.h"
#include "api/guard.h"
#include "api/look.h"
#include "api/slim.h"
#include "cnnopt/cnnopt_c.h"
#include "job/exit_code.h"
#include "job/version.h"
#include "onnx_io/status_macros.h"
#include "onnx_io/tensor.h"

namespace cnnopt {
namespace {

// Samples as the interface has them.
struct CArrays {
  size_t count;
  const char* const* names;
  const int32_t* types;
  const size_t* ranks;
  const int64_t* const* shapes;
  const void* const* data;
};

absl::Status AddArrays(const CArrays& arrays, SlimArguments& arguments) {
  if (arrays.count > 0 && (arrays.names == nullptr || arrays.types == nullptr || arrays.ranks == nullptr ||
                           arrays.shapes == nullptr || arrays.data == nullptr)) {
    return absl::InvalidArgumentError("arrays: expected names, types, ranks, shapes and data, found a null pointer");
  }
  for (size_t i = 0; i < arrays.count; ++i) {
    ArrayView view;
    view.name = arrays.names[i] == nullptr ? "" : arrays.names[i];
    view.data_type = arrays.types[i];
    if (arrays.ranks[i] > 0) view.shape.assign(arrays.shapes[i], arrays.shapes[i] + arrays.ranks[i]);
    const int64_t count = ElementCount(view.shape);
    const int64_t bytes = count < 0 ? -1 : PayloadBytes(view.data_type, count);
    if (bytes < 0) {
      return absl::InvalidArgumentError(
          absl::StrCat("array ", i, ": its data type ", view.data_type, " or its shape is no dense array's"));
    }
    view.bytes = absl::string_view(static_cast<const char*>(arrays.data[i]), static_cast<size_t>(bytes));
    arguments.arrays.push_back(std::move(view));
  }
  return absl::OkStatus();
}

absl::StatusOr<SlimArguments> Parse(const char* options, const CArrays& arrays) {
  CNNOPT_ASSIGN_OR_RETURN(const std::vector<ConfigEntry> entries,
                          From(Origin::kUsage, EntriesOfJson(options == nullptr ? "{}" : options)));
  CNNOPT_ASSIGN_OR_RETURN(SlimArguments arguments, From(Origin::kUsage, ArgumentsOf(entries)));
  CNNOPT_RETURN_IF_ERROR(From(Origin::kUsage, AddArrays(arrays, arguments)));
  return arguments;
}

// For cnnopt_free. A zero follows the bytes, so that texts end.
void* Copy(absl::string_view bytes) {
  char* const copy = static_cast<char*>(std::malloc(bytes.size() + 1));
  if (copy == nullptr) throw std::bad_alloc();
  std::memcpy(copy, bytes.data(), bytes.size());
  copy[bytes.size()] = '\0';
  return copy;
}

void Give(absl::string_view text, char** to) {
  if (to != nullptr) *to = static_cast<char*>(Copy(text));
}

Progress ProgressOf(cnnopt_progress progress, void* data) {
  if (progress == nullptr) return {};
  return [progress, data](absl::string_view stage, int64_t done, int64_t total) {
    return progress(data, std::string(stage).c_str(), done, total) != 0;
  };
}

// What there is to say of `result`, and the code.
int Finish(const absl::StatusOr<Report>& result, char** report, char** error) noexcept {
  try {
    if (!result.ok()) Give(result.status().message(), error);
    if (result.ok()) Give(result->json, report);
    if (result.ok() && result->verdict == Report::Verdict::kRefused) Give(result->reason, error);
  } catch (const std::bad_alloc&) {
    return CNNOPT_TEMPORARY;
  }
  return ExitCodeOf(result);
}

// A model at `path`, which should not be missing.
ModelSource AtPath(const char* path) { return {path == nullptr || *path == '\0' ? "." : path, {}}; }
ModelSource InMemory(const void* model, size_t bytes) {
  return {"", absl::string_view(static_cast<const char*>(model), bytes)};
}

// Gives what `look` finds with the options, and the code.
template <typename Look>
int GiveJson(const char* options, const CArrays& arrays, char** json, char** error, const Look& look) noexcept {
  if (json != nullptr) *json = nullptr;
  if (error != nullptr) *error = nullptr;
  const absl::StatusOr<std::string> found = Guarded([&]() -> absl::StatusOr<std::string> {
    CNNOPT_ASSIGN_OR_RETURN(const SlimArguments arguments, Parse(options, arrays));
    return look(arguments);
  });
  try {
    if (found.ok()) Give(*found, json);
    if (!found.ok()) Give(found.status().message(), error);
  } catch (const std::bad_alloc&) {
    return CNNOPT_TEMPORARY;
  }
  return ExitCodeOf(found.status());
}

template <typename T>
void Clear(T* pointer) {
  if (pointer != nullptr) *pointer = T();
}

}  // namespace
}  // namespace cnnopt

using cnnopt::Guarded;
using cnnopt::Report;

int cnnopt_abi_version(void) { return CNNOPT_ABI_VERSION; }

const char* cnnopt_version(void) { return cnnopt::kToolVersion; }

void cnnopt_free(void* memory) { std::free(memory); }

int cnnopt_slim(const void* model, size_t model_bytes, const char* options, size_t arrays,
                const char* const* array_names, const int32_t* array_types, const size_t* array_ranks,
                const int64_t* const* array_shapes, const void* const* array_data, cnnopt_progress progress,
                void* progress_data, void** slim, size_t* slim_bytes, char** report, char** error) {
  cnnopt::Clear(slim);
  cnnopt::Clear(slim_bytes);
  cnnopt::Clear(report);
  cnnopt::Clear(error);
  const absl::StatusOr<Report> result = Guarded([&]() -> absl::StatusOr<Report> {
    CNNOPT_ASSIGN_OR_RETURN(
        const cnnopt::SlimArguments arguments,
        cnnopt::Parse(options, {arrays, array_names, array_types, array_ranks, array_shapes, array_data}));
    std::string bytes;
    CNNOPT_ASSIGN_OR_RETURN(Report given,
                            cnnopt::RunBytes(arguments, absl::string_view(static_cast<const char*>(model), model_bytes),
                                             bytes, cnnopt::ProgressOf(progress, progress_data), {}));
    if (given.verdict != Report::Verdict::kRefused && slim != nullptr) {
      *slim = cnnopt::Copy(bytes);
      if (slim_bytes != nullptr) *slim_bytes = bytes.size();
    }
    return given;
  });
  return cnnopt::Finish(result, report, error);
}

int cnnopt_slim_file(const char* in, const char* out, const char* options, size_t arrays,
                     const char* const* array_names, const int32_t* array_types, const size_t* array_ranks,
                     const int64_t* const* array_shapes, const void* const* array_data, cnnopt_progress progress,
                     void* progress_data, char** report, char** error) {
  cnnopt::Clear(report);
  cnnopt::Clear(error);
  const absl::StatusOr<Report> result = Guarded([&]() -> absl::StatusOr<Report> {
    CNNOPT_ASSIGN_OR_RETURN(
        cnnopt::SlimArguments arguments,
        cnnopt::Parse(options, {arrays, array_names, array_types, array_ranks, array_shapes, array_data}));
    return cnnopt::RunFile(std::move(arguments), in == nullptr ? "" : in, out == nullptr ? "" : out,
                           cnnopt::ProgressOf(progress, progress_data), {});
  });
  return cnnopt::Finish(result, report, error);
}

int cnnopt_inspect(const void* model, size_t model_bytes, const char* options, char** json, char** error) {
  return cnnopt::GiveJson(options, {}, json, error, [&](const cnnopt::SlimArguments& arguments) {
    return cnnopt::RunInspect(arguments, cnnopt::InMemory(model, model_bytes));
  });
}

int cnnopt_inspect_file(const char* path, const char* options, char** json, char** error) {
  return cnnopt::GiveJson(options, {}, json, error, [&](const cnnopt::SlimArguments& arguments) {
    return cnnopt::RunInspect(arguments, cnnopt::AtPath(path));
  });
}

int cnnopt_compare(const void* a, size_t a_bytes, const void* b, size_t b_bytes, const char* options, size_t arrays,
                   const char* const* array_names, const int32_t* array_types, const size_t* array_ranks,
                   const int64_t* const* array_shapes, const void* const* array_data, char** json, char** error) {
  return cnnopt::GiveJson(options, {arrays, array_names, array_types, array_ranks, array_shapes, array_data}, json,
                          error, [&](const cnnopt::SlimArguments& arguments) {
                            return cnnopt::RunCompare(arguments, cnnopt::InMemory(a, a_bytes),
                                                      cnnopt::InMemory(b, b_bytes));
                          });
}

int cnnopt_compare_files(const char* a, const char* b, const char* options, size_t arrays,
                         const char* const* array_names, const int32_t* array_types, const size_t* array_ranks,
                         const int64_t* const* array_shapes, const void* const* array_data, char** json, char** error) {
  return cnnopt::GiveJson(options, {arrays, array_names, array_types, array_ranks, array_shapes, array_data}, json,
                          error, [&](const cnnopt::SlimArguments& arguments) {
                            return cnnopt::RunCompare(arguments, cnnopt::AtPath(a), cnnopt::AtPath(b));
                          });
}
