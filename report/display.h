// How numbers and other people's names look on a screen: short numbers, nothing that could steer a terminal.
#ifndef CNNOPT_REPORT_DISPLAY_H_
#define CNNOPT_REPORT_DISPLAY_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace cnnopt {

// `count` with `digits` significant digits and a decimal prefix: "59.65 M", "394.2 k", "512".
std::string HumanCount(int64_t count, int digits = 4);
// "1.59 MB"; kilo is 1000.
std::string HumanBytes(int64_t bytes);

// The shortest digits that read back as the same number.
std::string ShortestText(double number);

// `text` as it may be printed: control characters, characters that turn the direction of writing or have no
// width, and bytes that are not UTF-8 become "\x1b" and "\u202e"; everything else stays.
std::string ForScreen(absl::string_view text);
// `text` with the bytes that are not UTF-8 written as "\xff", for JSON, which escapes the rest itself.
std::string ValidUtf8(absl::string_view text);

// Characters of a text that ForScreen made.
size_t DisplayWidth(absl::string_view printable);
// `printable` cut to `width` characters: the middle, or the end, gives way to "...".
std::string ShortenMiddle(absl::string_view printable, size_t width);
std::string ShortenEnd(absl::string_view printable, size_t width);
// Lines of at most `width` characters, broken at spaces where possible; at least one line.
std::vector<std::string> Wrap(absl::string_view printable, size_t width);

// The last part of a path: "models/a.onnx" -> "a.onnx".
std::string BaseName(absl::string_view path);

}  // namespace cnnopt

#endif  // CNNOPT_REPORT_DISPLAY_H_
