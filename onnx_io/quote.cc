#include "onnx_io/quote.h"

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"

namespace cnnopt {
namespace {

constexpr size_t kShown = 100;  // bytes at each end of a long name

// Whether `text` is UTF-8 without control characters.
bool IsPlain(absl::string_view text) {
  for (size_t i = 0; i < text.size();) {
    const auto lead = static_cast<unsigned char>(text[i]);
    if (lead < 0x20 || lead == 0x7f || (lead >= 0x80 && lead < 0xc2) || lead > 0xf4) {
      return false;
    }
    const size_t length = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    if (i + length > text.size()) {
      return false;
    }
    for (size_t k = 1; k < length; ++k) {
      if ((static_cast<unsigned char>(text[i + k]) & 0xc0) != 0x80) {
        return false;
      }
    }
    i += length;
  }
  return true;
}

std::string Escaped(absl::string_view text) { return IsPlain(text) ? std::string(text) : absl::CHexEscape(text); }

}  // namespace

std::string OneLine(absl::string_view text) {
  return text.size() <= 2 * kShown + 3
             ? Escaped(text)
             : absl::StrCat(Escaped(text.substr(0, kShown)), "...", Escaped(text.substr(text.size() - kShown)));
}

std::string Quote(absl::string_view name) { return absl::StrCat("'", OneLine(name), "'"); }

absl::Status Annotate(const absl::Status& status, absl::string_view where) {
  return status.ok() ? status : absl::Status(status.code(), absl::StrCat(where, ": ", status.message()));
}

}  // namespace cnnopt
