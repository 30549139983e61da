#include "onnx_io/stored_payload.h"

#include <algorithm>

#include "onnx_io/status_macros.h"

namespace cnnopt {
namespace {

constexpr int64_t kPieceBytes = int64_t{1} << 20;

}  // namespace

const std::string& StoredPayload::Content() {
  std::call_once(once_, [this] {
    content_.resize(static_cast<size_t>(bytes_));
    status_ = file_->ReadAllAt(offset_, content_.data(), content_.size());
    if (!status_.ok()) std::fill(content_.begin(), content_.end(), '\0');
    loaded_ = true;
  });
  return content_;
}

absl::Status StoredPayload::Stream(const std::function<absl::Status(absl::string_view)>& append) const {
  CNNOPT_RETURN_IF_ERROR(status());
  if (loaded_) return append(content_);
  std::string piece;
  for (int64_t done = 0; done < bytes_;) {
    piece.resize(static_cast<size_t>(std::min(kPieceBytes, bytes_ - done)));
    CNNOPT_RETURN_IF_ERROR(file_->ReadAllAt(offset_ + done, piece.data(), piece.size()));
    CNNOPT_RETURN_IF_ERROR(append(piece));
    done += static_cast<int64_t>(piece.size());
  }
  return status();
}

absl::Status StoredPayload::status() const {
  if (loaded_) CNNOPT_RETURN_IF_ERROR(status_);
  return file_->CheckUnchanged();
}

}  // namespace cnnopt
