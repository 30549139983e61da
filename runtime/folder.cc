#include "runtime/folder.h"

#include <algorithm>
#include <filesystem>
#include <string>
#include <system_error>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "onnx_io/file_io.h"
#include "onnx_io/quote.h"

namespace cnnopt {
namespace {

namespace fs = std::filesystem;

constexpr size_t kMaxFiles = 1'000'000;

// The run of digits at the front of `text`, taken off it, without leading zeros.
absl::string_view TakeNumber(absl::string_view& text) {
  const auto is_digit = [](char c) { return absl::ascii_isdigit(static_cast<unsigned char>(c)); };
  const auto end = std::find_if_not(text.begin(), text.end(), is_digit);
  absl::string_view number = text.substr(0, static_cast<size_t>(end - text.begin()));
  text.remove_prefix(number.size());
  number.remove_prefix(std::min(number.find_first_not_of('0'), number.size()));
  return number;
}

// A separator stands before everything else, so that "a/z" comes before "a-b/c" as its folder does.
int Weight(char c) { return c == '/' ? -1 : static_cast<unsigned char>(c); }

bool IsHidden(const fs::path& path) { return path.filename().native().front() == '.'; }

}  // namespace

bool NaturalLess(absl::string_view a, absl::string_view b) {
  const absl::string_view whole_a = a;
  const absl::string_view whole_b = b;
  while (!a.empty() && !b.empty()) {
    if (absl::ascii_isdigit(static_cast<unsigned char>(a[0])) &&
        absl::ascii_isdigit(static_cast<unsigned char>(b[0]))) {
      const absl::string_view number_a = TakeNumber(a);
      const absl::string_view number_b = TakeNumber(b);
      if (number_a.size() != number_b.size()) {
        return number_a.size() < number_b.size();
      }
      if (number_a != number_b) {
        return number_a < number_b;
      }
    } else if (a[0] != b[0]) {
      return Weight(a[0]) < Weight(b[0]);
    } else {
      a.remove_prefix(1);
      b.remove_prefix(1);
    }
  }
  // "1" and "01" count the same: then bytes decide.
  return a.empty() && b.empty() ? whole_a < whole_b : a.empty();
}

absl::StatusOr<std::vector<std::string>> FilesBelow(const std::string& folder) {
  std::error_code error;
  fs::recursive_directory_iterator entry(folder, error);
  std::vector<std::string> files;
  for (; !error && entry != fs::recursive_directory_iterator(); entry.increment(error)) {
    if (IsHidden(entry->path())) {
      entry.disable_recursion_pending();
      continue;
    }
    std::error_code unseen;  // a link that leads nowhere is no file
    if (!entry->is_regular_file(unseen)) {
      continue;
    }
    if (files.size() == kMaxFiles) {
      return absl::ResourceExhaustedError(absl::StrCat(Quote(folder), " holds more than ", kMaxFiles, " files"));
    }
    files.push_back(entry->path().lexically_relative(folder).native());
  }
  if (error == std::errc::not_a_directory) {
    return absl::InvalidArgumentError(absl::StrCat(Quote(folder), " is no folder"));
  }
  if (error) {
    return ErrnoStatus(error.value(), "list", folder);
  }
  std::sort(files.begin(), files.end(), NaturalLess);
  return files;
}

std::string Extension(absl::string_view path) {
  const size_t slash = path.rfind('/');
  const absl::string_view name = slash == absl::string_view::npos ? path : path.substr(slash + 1);
  const size_t dot = name.rfind('.');
  return dot == absl::string_view::npos ? "" : absl::AsciiStrToLower(name.substr(dot + 1));
}

}  // namespace cnnopt
