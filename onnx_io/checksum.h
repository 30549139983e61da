// SHA-256, for names of data files and for provenance.
#ifndef CNNOPT_ONNX_IO_CHECKSUM_H_
#define CNNOPT_ONNX_IO_CHECKSUM_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

struct evp_md_ctx_st;

namespace cnnopt {

// SHA-256 of bytes that come in pieces. Throws std::bad_alloc when OpenSSL has no memory, as std::string would.
class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(const Sha256&) = delete;
  Sha256& operator=(const Sha256&) = delete;

  void Update(absl::string_view bytes);
  std::string Hex();  // 64 lower-case digits; once, at the end

 private:
  evp_md_ctx_st* context_;
};

std::string Sha256Hex(absl::string_view bytes);

// Of a regular file, read in pieces. Errors: NotFound, PermissionDenied, InvalidArgument (a folder, a device),
// Unavailable.
absl::StatusOr<std::string> FileSha256(const std::string& path);

}  // namespace cnnopt

#endif  // CNNOPT_ONNX_IO_CHECKSUM_H_
