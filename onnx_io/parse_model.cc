#include "onnx_io/parse_model.h"

#include <algorithm>
#include <cstring>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "google/protobuf/io/zero_copy_stream_impl_lite.h"
#include "onnx_io/quote.h"
#include "onnx_io/status_macros.h"

namespace cnnopt {
namespace {

constexpr int kBlockBytes = 1 << 20;

// `bytes` stand in the place of those from `begin` to `end` of a file.
struct Splice {
  int64_t begin, end;
  std::string bytes;
};

// `value` in as many bytes as the number it replaces has: readers take leading zeros.
Splice NewLength(const WireLength& length, int64_t value) {
  Splice splice{length.position, length.end(), {}};
  for (int64_t i = 0; i < length.size; ++i) {
    const auto low = static_cast<unsigned char>(value & 0x7f);
    value >>= 7;
    splice.bytes.push_back(static_cast<char>(i + 1 < length.size ? low | 0x80 : low));
  }
  return splice;
}

// The file without its payloads, every length as it is then.
std::vector<Splice> CutOut(const std::vector<WirePayload>& payloads) {
  std::vector<Splice> splices;
  if (payloads.empty()) return splices;
  int64_t cut = 0;
  for (const WirePayload& payload : payloads) cut += payload.raw_data.value;
  const WireLength& graph = payloads.front().graph;
  splices.push_back(NewLength(graph, graph.value - cut));
  for (const WirePayload& payload : payloads) {
    const WireLength& raw_data = payload.raw_data;
    splices.push_back(NewLength(payload.tensor, payload.tensor.value - raw_data.value));
    splices.push_back(NewLength(raw_data, 0));
    splices.push_back({raw_data.end(), raw_data.end() + raw_data.value, {}});
  }
  return splices;
}

// Gives a file with splices to protobuf piece by piece.
class FileSource : public google::protobuf::io::CopyingInputStream {
 public:
  FileSource(const InputFile& file, const std::vector<Splice>& splices) : file_(file), next_(splices) {}

  int Read(void* buffer, int size) override {
    while (pending_.empty() && !next_.empty() && position_ == next_.front().begin) {
      pending_ = next_.front().bytes;
      position_ = next_.front().end;
      next_.remove_prefix(1);
    }
    if (!pending_.empty()) {
      const size_t count = std::min(pending_.size(), static_cast<size_t>(size));
      std::memcpy(buffer, pending_.data(), count);
      pending_.remove_prefix(count);
      return static_cast<int>(count);
    }
    const int64_t most = next_.empty() ? size : std::min<int64_t>(size, next_.front().begin - position_);
    const absl::StatusOr<size_t> got = file_.ReadAt(position_, static_cast<char*>(buffer), static_cast<size_t>(most));
    if (!got.ok()) {
      status_ = got.status();
      return -1;
    }
    position_ += static_cast<int64_t>(*got);
    return static_cast<int>(*got);
  }

  const absl::Status& status() const { return status_; }

 private:
  const InputFile& file_;
  absl::Span<const Splice> next_;
  absl::string_view pending_;  // of a splice that was begun
  int64_t position_ = 0;       // in the file
  absl::Status status_;
};

absl::Status LoadPayload(const InputFile& file, const WirePayload& payload, onnx::GraphProto& graph) {
  if (payload.initializer >= graph.initializer_size()) {
    return absl::UnavailableError(absl::StrCat(Quote(file.path()), " changed while it was read"));
  }
  std::string& bytes = *graph.mutable_initializer(payload.initializer)->mutable_raw_data();
  bytes.resize(static_cast<size_t>(payload.raw_data.value));
  return file.ReadAllAt(payload.raw_data.end(), bytes.data(), bytes.size());
}

}  // namespace

absl::Status ParseModel(const InputFile& file, const std::vector<WirePayload>& payloads, onnx::ModelProto& model) {
  const std::vector<Splice> splices = CutOut(payloads);
  int64_t left = file.size();
  for (const WirePayload& payload : payloads) left -= payload.raw_data.value;
  FileSource source(file, splices);
  google::protobuf::io::CopyingInputStreamAdaptor stream(&source, kBlockBytes);
  const bool parsed = model.ParseFromBoundedZeroCopyStream(&stream, static_cast<int>(left));
  CNNOPT_RETURN_IF_ERROR(source.status());
  CNNOPT_RETURN_IF_ERROR(file.CheckUnchanged());
  if (!parsed || !model.has_graph()) {
    return absl::InvalidArgumentError(
        absl::StrCat("not an ONNX model: ", parsed ? "it has no graph" : "its protobuf does not parse"));
  }
  for (const WirePayload& payload : payloads) {
    CNNOPT_RETURN_IF_ERROR(LoadPayload(file, payload, *model.mutable_graph()));
  }
  return file.CheckUnchanged();
}

}  // namespace cnnopt
