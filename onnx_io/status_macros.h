// Early return for absl::Status and absl::StatusOr, which Debian's Abseil does not offer itself.
#ifndef CNNOPT_ONNX_IO_STATUS_MACROS_H_
#define CNNOPT_ONNX_IO_STATUS_MACROS_H_

#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#define CNNOPT_RETURN_IF_ERROR(expression)                                \
  do {                                                                    \
    if (absl::Status cnnopt_status = (expression); !cnnopt_status.ok()) { \
      return cnnopt_status;                                               \
    }                                                                     \
  } while (false)

#define CNNOPT_CONCAT_INNER(a, b) a##b
#define CNNOPT_CONCAT(a, b) CNNOPT_CONCAT_INNER(a, b)

// CNNOPT_ASSIGN_OR_RETURN(auto x, F()): x = *F(), or the enclosing function returns F()'s error.
#define CNNOPT_ASSIGN_OR_RETURN(left, expression) \
  CNNOPT_ASSIGN_OR_RETURN_INNER(CNNOPT_CONCAT(cnnopt_or_, __LINE__), left, expression)
#define CNNOPT_ASSIGN_OR_RETURN_INNER(result, left, expression) \
  auto result = (expression);                                   \
  if (!result.ok()) {                                           \
    return result.status();                                     \
  }                                                             \
  left = std::move(result).value()

#endif  // CNNOPT_ONNX_IO_STATUS_MACROS_H_
