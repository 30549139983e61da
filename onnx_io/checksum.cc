#include "onnx_io/checksum.h"

#include <openssl/evp.h>

#include <cstddef>
#include <cstdint>
#include <new>

#include "absl/strings/escaping.h"
#include "onnx_io/file_io.h"
#include "onnx_io/status_macros.h"

namespace cnnopt {

Sha256::Sha256() : context_(EVP_MD_CTX_new()) {
  if (context_ == nullptr || EVP_DigestInit_ex(context_, EVP_sha256(), nullptr) != 1) {
    EVP_MD_CTX_free(context_);
    throw std::bad_alloc();
  }
}

Sha256::~Sha256() { EVP_MD_CTX_free(context_); }

void Sha256::Update(absl::string_view bytes) {
  if (EVP_DigestUpdate(context_, bytes.data(), bytes.size()) != 1) {
    throw std::bad_alloc();
  }
}

std::string Sha256::Hex() {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  if (EVP_DigestFinal_ex(context_, digest, &size) != 1) {
    throw std::bad_alloc();
  }
  return absl::BytesToHexString(absl::string_view(reinterpret_cast<const char*>(digest), size));
}

std::string Sha256Hex(absl::string_view bytes) {
  Sha256 hash;
  hash.Update(bytes);
  return hash.Hex();
}

absl::StatusOr<std::string> FileSha256(const std::string& path) {
  CNNOPT_ASSIGN_OR_RETURN(const InputFile file, InputFile::Open(path));
  Sha256 hash;
  std::string buffer(size_t{1} << 20, '\0');
  for (int64_t offset = 0;;) {
    CNNOPT_ASSIGN_OR_RETURN(const size_t count, file.ReadAt(offset, buffer.data(), buffer.size()));
    if (count == 0) {
      return hash.Hex();
    }
    hash.Update(absl::string_view(buffer.data(), count));
    offset += static_cast<int64_t>(count);
  }
}

}  // namespace cnnopt
