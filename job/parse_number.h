// Numbers on the command line.
#ifndef CNNOPT_JOB_PARSE_NUMBER_H_
#define CNNOPT_JOB_PARSE_NUMBER_H_

#include <charconv>
#include <cstdint>
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

// "800KB", "1.5M", "10MiB" as bytes; nullopt when there is no unit or the number makes no sense. Kilo is 1000, as in
// the table; kibi is 1024.
std::optional<int64_t> ParseBytes(absl::string_view text);

}  // namespace cnnopt

#endif  // CNNOPT_JOB_PARSE_NUMBER_H_
