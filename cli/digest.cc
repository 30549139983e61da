#include "cli/digest.h"

#include <openssl/evp.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <functional>
#include <memory>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "onnx_io/status_macros.h"

namespace cnnopt {
namespace {

// Gives the content of the file at `path` to `take`, piece by piece.
absl::Status ForEachPiece(const std::string& path, const std::function<void(absl::string_view)>& take) {
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    const std::string message = absl::StrCat("'", path, "' cannot be opened: ", std::strerror(errno));
    return errno == ENOENT ? absl::NotFoundError(message) : absl::UnavailableError(message);
  }
  std::string buffer(size_t{1} << 20, '\0');
  while (file) {
    file.read(buffer.data(), static_cast<std::streamsize>(buffer.size()));
    take(absl::string_view(buffer.data(), static_cast<size_t>(file.gcount())));
  }
  if (file.bad()) {
    return absl::UnavailableError(absl::StrCat("'", path, "' cannot be read: ", std::strerror(errno)));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::string> ReadBytes(const std::string& path) {
  std::string bytes;
  CNNOPT_RETURN_IF_ERROR(ForEachPiece(path, [&](absl::string_view piece) { absl::StrAppend(&bytes, piece); }));
  return bytes;
}

absl::StatusOr<FileFacts> DescribeFile(const std::string& path) {
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(), EVP_MD_CTX_free);
  bool ok = context != nullptr && EVP_DigestInit_ex(context.get(), EVP_sha256(), nullptr) == 1;
  FileFacts facts;
  CNNOPT_RETURN_IF_ERROR(ForEachPiece(path, [&](absl::string_view piece) {
    facts.bytes += static_cast<int64_t>(piece.size());
    ok = ok && EVP_DigestUpdate(context.get(), piece.data(), piece.size()) == 1;
  }));
  std::string digest(EVP_MAX_MD_SIZE, '\0');
  unsigned length = 0;
  ok = ok && EVP_DigestFinal_ex(context.get(), reinterpret_cast<unsigned char*>(digest.data()), &length) == 1;
  if (!ok) {
    return absl::InternalError("OpenSSL could not compute a SHA-256");
  }
  facts.sha256 = absl::BytesToHexString(absl::string_view(digest).substr(0, length));
  return facts;
}

}  // namespace cnnopt
