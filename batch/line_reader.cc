#include "batch/line_reader.h"

#include "absl/strings/str_cat.h"
#include "onnx_io/quote.h"
#include "onnx_io/status_macros.h"

namespace cnnopt {
namespace {
constexpr size_t kPiece = 1 << 16;
constexpr size_t kLongest = 1 << 20;
}  // namespace

absl::StatusOr<LineReader> LineReader::Open(const std::string& path) {
  CNNOPT_ASSIGN_OR_RETURN(InputFile file, InputFile::Open(path));
  return LineReader(std::move(file));
}

absl::StatusOr<bool> LineReader::Next(std::string& line) {
  size_t searched = begin_;
  while (true) {
    const size_t end = buffer_.find('\n', searched);
    if (end != std::string::npos) {
      line.assign(buffer_, begin_, end - begin_);
      begin_ = end + 1;
      return true;
    }
    buffer_.erase(0, begin_);
    begin_ = 0;
    searched = buffer_.size();
    if (searched > kLongest) {
      return absl::InvalidArgumentError(absl::StrCat(Quote(file_.path()), ": found a line of more than a megabyte"));
    }
    buffer_.resize(searched + kPiece);
    CNNOPT_ASSIGN_OR_RETURN(const size_t count, file_.ReadAt(offset_, &buffer_[searched], kPiece));
    buffer_.resize(searched + count);
    offset_ += static_cast<int64_t>(count);
    if (count == 0) return false;
  }
}

}  // namespace cnnopt
