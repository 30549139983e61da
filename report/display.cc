#include "report/display.h"

#include <charconv>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"

namespace cnnopt {
namespace {

// A number of `digits` >= 3 significant digits and the power of 1000 it was divided by.
struct Scaled {
  std::string digits;
  size_t power;
};
Scaled Scale(int64_t count, int digits) {
  double value = static_cast<double>(count);
  if (std::abs(value) < 1000) {
    return {absl::StrCat(count), 0};
  }
  const double rounds_to_thousand = 1000 - 0.5 * std::pow(10.0, 3 - digits);
  size_t power = 0;
  while (std::abs(value) >= rounds_to_thousand) {
    value /= 1000;
    ++power;
  }
  std::string text = absl::StrFormat("%#.*g", digits, value);
  if (text.back() == '.') {
    text.pop_back();
  }
  return {text, power};
}

// The code point that starts at text[i] and its length in bytes; a byte that is not UTF-8 stands for itself.
struct CodePoint {
  uint32_t value = 0;
  size_t length = 1;
  bool valid = true;
};
CodePoint Decode(absl::string_view text, size_t i) {
  const auto byte = [&](size_t k) { return static_cast<uint8_t>(text[k]); };
  const uint8_t first = byte(i);
  if (first < 0x80) {
    return {first, 1};
  }
  const CodePoint invalid = {first, 1, false};
  const size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || text.size() - i < length) {
    return invalid;
  }
  uint32_t value = first & (0xffu >> (length + 1));
  for (size_t k = 1; k < length; ++k) {
    if ((byte(i + k) & 0xc0) != 0x80) {
      return invalid;
    }
    value = (value << 6) | (byte(i + k) & 0x3f);
  }
  const bool overlong = (length == 3 && value < 0x800) || (length == 4 && value < 0x10000);
  const bool surrogate = value >= 0xd800 && value <= 0xdfff;
  if (overlong || surrogate || value > 0x10ffff) {
    return invalid;
  }
  return {value, length};
}

bool IsControl(uint32_t c) { return c < 0x20 || (c >= 0x7f && c < 0xa0); }

// Line and paragraph separators, marks without width, and marks that turn the direction of writing.
bool IsInvisible(uint32_t c) {
  return c == 0xad || c == 0x61c || (c >= 0x200b && c <= 0x200f) || (c >= 0x2028 && c <= 0x202e) ||
         (c >= 0x2060 && c <= 0x206f) || c == 0xfeff || (c >= 0xfff9 && c <= 0xfffb) || c >= 0xe0000;
}

std::string Escape(absl::string_view text, bool only_invalid) {
  std::string out;
  for (size_t i = 0; i < text.size();) {
    const CodePoint point = Decode(text, i);
    const bool hidden = IsControl(point.value) || IsInvisible(point.value);
    if (point.valid && (only_invalid || !hidden)) {
      absl::StrAppend(&out, text.substr(i, point.length));
    } else {
      absl::StrAppend(&out, point.length == 1 ? "\\x" : "\\u",
                      absl::Hex(point.value, point.length == 1 ? absl::kZeroPad2 : absl::kZeroPad4));
    }
    i += point.length;
  }
  return out;
}

// The first `count` characters of `printable`.
absl::string_view Head(absl::string_view printable, size_t count) {
  size_t i = 0;
  for (; i < printable.size() && count > 0; --count) {
    i += Decode(printable, i).length;
  }
  return printable.substr(0, i);
}
absl::string_view Tail(absl::string_view printable, size_t count) {
  return printable.substr(Head(printable, DisplayWidth(printable) - count).size());
}

constexpr absl::string_view kDots = "...";

}  // namespace

std::string HumanCount(int64_t count, int digits) {
  static constexpr const char* kUnits[] = {"", " k", " M", " G", " T", " P", " E"};
  const Scaled scaled = Scale(count, digits);
  return absl::StrCat(scaled.digits, kUnits[scaled.power]);
}

std::string HumanBytes(int64_t bytes) {
  static constexpr const char* kUnits[] = {" B", " kB", " MB", " GB", " TB", " PB", " EB"};
  const Scaled scaled = Scale(bytes, 3);
  return absl::StrCat(scaled.digits, kUnits[scaled.power]);
}

std::string ShortestText(double number) {
  char buffer[32];
  return std::string(buffer, std::to_chars(buffer, buffer + sizeof(buffer), number).ptr);
}

std::string ForScreen(absl::string_view text) { return Escape(text, false); }
std::string ValidUtf8(absl::string_view text) { return Escape(text, true); }

size_t DisplayWidth(absl::string_view printable) {
  size_t width = 0;
  for (size_t i = 0; i < printable.size(); i += Decode(printable, i).length) {
    ++width;
  }
  return width;
}

std::string ShortenMiddle(absl::string_view printable, size_t width) {
  if (DisplayWidth(printable) <= width) {
    return std::string(printable);
  }
  if (width <= kDots.size()) {
    return std::string(Head(printable, width));
  }
  const size_t left = (width - kDots.size()) / 2;
  return absl::StrCat(Head(printable, left), kDots, Tail(printable, width - kDots.size() - left));
}

std::string ShortenEnd(absl::string_view printable, size_t width) {
  if (DisplayWidth(printable) <= width || width <= kDots.size()) {
    return std::string(Head(printable, width));
  }
  return absl::StrCat(Head(printable, width - kDots.size()), kDots);
}

std::vector<std::string> Wrap(absl::string_view printable, size_t width) {
  std::vector<std::string> lines(1);
  for (absl::string_view word : absl::StrSplit(printable, ' ', absl::SkipEmpty())) {
    if (!lines.back().empty() && DisplayWidth(lines.back()) + 1 + DisplayWidth(word) > width) {
      lines.emplace_back();
    }
    while (DisplayWidth(word) > width && lines.back().empty()) {  // a word longer than a line is broken anywhere
      const absl::string_view head = Head(word, width);
      lines.back() = std::string(head);
      word.remove_prefix(head.size());
      lines.emplace_back();
    }
    absl::StrAppend(&lines.back(), lines.back().empty() ? "" : " ", word);
  }
  return lines;
}

std::string BaseName(absl::string_view path) {
  const size_t slash = path.rfind('/');
  return std::string(slash == absl::string_view::npos ? path : path.substr(slash + 1));
}

}  // namespace cnnopt
