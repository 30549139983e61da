// Matchers for absl::Status and absl::StatusOr.
#ifndef CNNOPT_TESTS_TESTING_STATUS_H_
#define CNNOPT_TESTS_TESTING_STATUS_H_

#include <gmock/gmock.h>

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"

namespace cnnopt::testing {

inline absl::Status StatusOf(const absl::Status& status) { return status; }
template <typename T>
absl::Status StatusOf(const absl::StatusOr<T>& result) {
  return result.status();
}

MATCHER(IsOk, "is OK") {
  *result_listener << StatusOf(arg).ToString();
  return StatusOf(arg).ok();
}

// An error of this code whose message contains `text`.
MATCHER_P2(FailsWith, code, text, "") {
  const absl::Status status = StatusOf(arg);
  *result_listener << status.ToString();
  return status.code() == code && absl::StrContains(status.message(), text);
}

}  // namespace cnnopt::testing

#endif  // CNNOPT_TESTS_TESTING_STATUS_H_
