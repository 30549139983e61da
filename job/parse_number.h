// Numbers on the command line.
#ifndef CNNOPT_JOB_PARSE_NUMBER_H_
#define CNNOPT_JOB_PARSE_NUMBER_H_

#include <charconv>
#include <optional>
#include <system_error>

#include "absl/strings/string_view.h"

namespace cnnopt {

// The whole of `text` as a number in the C locale: no blanks, no plus sign, nothing behind it.
template <typename Number>
std::optional<Number> ParseNumber(absl::string_view text) {
  Number number{};
  const char* const end = text.data() + text.size();
  const std::from_chars_result result = std::from_chars(text.data(), end, number);
  if (text.empty() || result.ec != std::errc() || result.ptr != end) {
    return std::nullopt;
  }
  return number;
}

}  // namespace cnnopt

#endif  // CNNOPT_JOB_PARSE_NUMBER_H_
