// Names from a file, made fit for a message.
#ifndef CNNOPT_ONNX_IO_QUOTE_H_
#define CNNOPT_ONNX_IO_QUOTE_H_

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace cnnopt {

// `text` on one line: control characters and invalid UTF-8 escaped, the middle of a long one left out. A name in a
// file can be a megabyte of anything.
std::string OneLine(absl::string_view text);
// The same between single quotes.
std::string Quote(absl::string_view name);

// `status` with "<where>: " before its message.
absl::Status Annotate(const absl::Status& status, absl::string_view where);
// The same with where(), which is called only if there is an error.
template <typename Where>
absl::Status AnnotateWith(const absl::Status& status, const Where& where) {
  return status.ok() ? status : Annotate(status, where());
}

}  // namespace cnnopt

#endif  // CNNOPT_ONNX_IO_QUOTE_H_
