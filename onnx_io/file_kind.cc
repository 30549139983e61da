#include "onnx_io/file_kind.h"

#include <cstddef>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/strip.h"

namespace cnnopt {
namespace {

// The bytes `magic` at `offset` give a file away.
struct Kind {
  size_t offset;
  absl::string_view magic;
  const char* name;
};
constexpr Kind kKinds[] = {
    {0, "version https://git-lfs", "a Git LFS pointer, fetch the file itself with 'git lfs pull'"},
    {0, "\x1f\x8b", "a gzip file, unpack it first"},
    {0, "PK\x03\x04", "a zip file, as PyTorch checkpoints and .npz are"},
    {0, "\x28\xb5\x2f\xfd", "a zstd file, unpack it first"},
    {0,
     "\xfd"
     "7zXZ",
     "an xz file, unpack it first"},
    {0, "BZh", "a bzip2 file, unpack it first"},
    {0, "7z\xbc\xaf\x27\x1c", "a 7z file, unpack it first"},
    {257, "ustar", "a tar file, unpack it first"},
    {0, "\x89HDF\r\n", "an HDF5 file, as Keras models are"},
    {0, "\x93NUMPY", "a NumPy array"},
    {4, "TFL3", "a TensorFlow Lite model"},
    {4, "ORTM", "a model in ONNX Runtime's own format"},
    {0, "ftrt", "a TensorRT plan, which is compiled: cnnopt needs the ONNX file it was made of"},
    {0, "ptrt", "a TensorRT plan, which is compiled: cnnopt needs the ONNX file it was made of"},
    {0, "\x80\x02\x8a\x0a", "a PyTorch checkpoint, export it as ONNX first"},
    {0, "\x80\x04\x95", "a Python pickle"},
    {0, "7767517\n", "an ncnn model"},
    {0, "name: \"", "a Caffe network in text form"},
    {0, "<ir_version", "a model in ONNX's text form"},
    {0, "\x89PNG", "a picture"},
    {0, "\xff\xd8\xff", "a picture"},
};

}  // namespace

const char* WrongKind(absl::string_view head) {
  for (const Kind& kind : kKinds) {
    if (head.size() > kind.offset && absl::StartsWith(head.substr(kind.offset), kind.magic)) {
      return kind.name;
    }
  }
  // The length of what follows, which begins as JSON.
  if (head.size() > 10 && head.substr(5, 3) == absl::string_view("\0\0\0", 3) && head.substr(8, 2) == "{\"") {
    return "a safetensors file, which holds weights without a network";
  }
  absl::ConsumePrefix(&head, "\xef\xbb\xbf");  // the mark of UTF-8
  const absl::string_view text = absl::StripLeadingAsciiWhitespace(head);
  if (absl::StartsWithIgnoreCase(text, "<!doctype") || absl::StartsWithIgnoreCase(text, "<html") ||
      absl::StartsWithIgnoreCase(text, "<?xml")) {
    return "a web page, not the file behind it";
  }
  if (absl::StartsWith(text, "{")) {
    return "a JSON file";
  }
  return nullptr;
}

}  // namespace cnnopt
