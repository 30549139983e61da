// A payload that stays in its file until someone looks at it: most of a big model is only copied.
#ifndef CNNOPT_ONNX_IO_STORED_PAYLOAD_H_
#define CNNOPT_ONNX_IO_STORED_PAYLOAD_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "onnx_io/file_io.h"

namespace cnnopt {

class StoredPayload {
 public:
  // `bytes` at `offset` of `file`, which has them.
  StoredPayload(std::shared_ptr<const InputFile> file, int64_t offset, int64_t bytes)
      : file_(std::move(file)), offset_(offset), bytes_(bytes) {}
  StoredPayload(const StoredPayload&) = delete;
  StoredPayload& operator=(const StoredPayload&) = delete;

  int64_t bytes() const { return bytes_; }
  // All of it, read at the first call. From a file that cannot be read any more come zeros: whatever was computed from
  // them must not be used, see status. May be called by several threads.
  const std::string& Content();
  bool loaded() const { return loaded_; }
  // Gives it to `append` piece by piece, without keeping it. Errors: Unavailable (the file changed, I/O), or append's.
  absl::Status Stream(const std::function<absl::Status(absl::string_view)>& append) const;
  // Unavailable when it could not be read, or when the file has another size now than when it was opened.
  absl::Status status() const;

 private:
  std::shared_ptr<const InputFile> file_;
  int64_t offset_, bytes_;
  std::once_flag once_;
  std::atomic<bool> loaded_ = false;
  std::string content_;
  absl::Status status_;  // of reading content_
};

}  // namespace cnnopt

#endif  // CNNOPT_ONNX_IO_STORED_PAYLOAD_H_
