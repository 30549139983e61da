#include "onnx_io/wire_scan.h"

#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "google/protobuf/message.h"
#include "onnx/onnx_pb.h"

namespace cnnopt {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;

constexpr int kMaxDepth = 100;       // of messages; protobuf's parser stops there, too
constexpr int64_t kAllocation = 16;  // an allocation's own cost
constexpr int64_t kEntry = 48;       // a string or an unknown field: pointer, object, allocation
constexpr size_t kBufferBytes = 1 << 16;

// Walks the fields of a file. Functions give false after they have set status_.
class Scanner {
 public:
  Scanner(const InputFile& file, std::vector<WirePayload>* payloads) : file_(file), payloads_(payloads) {}

  // The fields of a message of type `type` (null: unknown) up to `end`.
  bool Message(const Descriptor& type, int64_t end, int depth) {
    if (depth > kMaxDepth) {
      return Fail(absl::StrCat("messages are nested more than ", kMaxDepth, " deep"));
    }
    while (position_ < end) {
      if (!Field(type, end, depth)) {
        return false;
      }
    }
    return true;
  }

  const absl::Status& status() const { return status_; }
  int64_t parsed_bytes() const { return parsed_bytes_; }

 private:
  enum WireType { kVarint = 0, kFixed64 = 1, kBytes = 2, kFixed32 = 5 };

  bool Field(const Descriptor& type, int64_t end, int depth) {
    uint64_t tag = 0;
    if (!Varint(end, tag)) {
      return false;
    }
    const auto number = static_cast<int>(tag >> 3);
    if (tag >> 32 != 0 || number == 0) {
      return Fail("no protobuf field starts there");
    }
    const FieldDescriptor* field = type.FindFieldByNumber(number);
    // Two models one after another would be merged into one without a word.
    if (depth == 0 && field != nullptr && !field->is_repeated() && !seen_.insert(number).second) {
      return Fail(absl::StrCat("'", field->name(), "' appears twice, as when two files are joined"));
    }
    uint64_t value = 0;
    switch (tag & 7) {
      case kVarint:
        parsed_bytes_ += field == nullptr ? kEntry : 8;
        return Varint(end, value);
      case kFixed64:
        parsed_bytes_ += field == nullptr ? kEntry : 8;
        return Skip(8, end);
      case kFixed32:
        parsed_bytes_ += field == nullptr ? kEntry : 4;
        return Skip(4, end);
      case kBytes: {
        const int64_t start = position_;
        if (!Varint(end, value)) return false;
        if (depth < kLengths) lengths_[depth] = {start, position_ - start, static_cast<int64_t>(value)};
        return Bytes(field, value, end, depth);
      }
      default:  // groups: no version of the format has any
        return Fail("no protobuf field starts there");
    }
  }

  bool Bytes(const FieldDescriptor* field, uint64_t length, int64_t end, int depth) {
    if (length > static_cast<uint64_t>(end - position_)) {
      return Fail(
          absl::StrCat("a field of ", length, " bytes does not fit into the ", end - position_, " that follow"));
    }
    const auto bytes = static_cast<int64_t>(length);
    if (payloads_ != nullptr && field != nullptr) Note(*field, bytes, depth);
    if (field != nullptr && field->type() == FieldDescriptor::TYPE_MESSAGE) {
      parsed_bytes_ += MessageBytes(*field->message_type());
      return Message(*field->message_type(), position_ + bytes, depth + 1);
    }
    const bool varints = field != nullptr && field->is_packable() && field->type() != FieldDescriptor::TYPE_FLOAT &&
                         field->type() != FieldDescriptor::TYPE_DOUBLE;
    parsed_bytes_ += kEntry + (varints ? 8 * bytes : bytes);
    return Skip(bytes, end);
  }

  // Keeps the list of payloads.
  void Note(const FieldDescriptor& field, int64_t bytes, int depth) {
    static const FieldDescriptor* const initializer = onnx::GraphProto::descriptor()->FindFieldByName("initializer");
    static const FieldDescriptor* const raw_data = onnx::TensorProto::descriptor()->FindFieldByName("raw_data");
    if (depth == 1 && &field == initializer) ++initializers_;
    if (depth != 2 || &field != raw_data) return;
    const int tensor = initializers_ - 1;
    // Of a field given twice the second counts: the parser shall see both.
    if (!payloads_->empty() && payloads_->back().initializer == tensor) {
      payloads_->pop_back();
    } else if (bytes >= kWirePayloadBytes && last_raw_data_ != tensor) {
      payloads_->push_back({tensor, lengths_[0], lengths_[1], lengths_[2]});
    }
    last_raw_data_ = tensor;
  }

  // Of an empty message, with the pointer to it.
  int64_t MessageBytes(const Descriptor& type) {
    int64_t& bytes = message_bytes_[&type];
    if (bytes == 0) {
      const auto* message = google::protobuf::MessageFactory::generated_factory()->GetPrototype(&type);
      bytes = static_cast<int64_t>(message->SpaceUsedLong()) + 8 + kAllocation;
    }
    return bytes;
  }

  bool Varint(int64_t end, uint64_t& value) {
    value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      if (position_ >= end) {
        return Fail("it ends in the middle of a field");
      }
      if ((position_ < buffer_start_ || position_ >= buffer_start_ + static_cast<int64_t>(buffer_.size())) && !Fill()) {
        return false;
      }
      const auto byte = static_cast<unsigned char>(buffer_[static_cast<size_t>(position_ - buffer_start_)]);
      ++position_;
      value |= static_cast<uint64_t>(byte & 0x7f) << shift;
      if (byte < 0x80) {
        return true;
      }
    }
    return Fail("a number has more than 64 bits");
  }

  bool Skip(int64_t bytes, int64_t end) {
    if (bytes > end - position_) {
      return Fail("it ends in the middle of a field");
    }
    position_ += bytes;
    return true;
  }

  bool Fill() {
    buffer_.resize(kBufferBytes);
    buffer_start_ = position_;
    const absl::StatusOr<size_t> got = file_.ReadAt(position_, buffer_.data(), buffer_.size());
    if (!got.ok()) {
      status_ = got.status();
      return false;
    }
    buffer_.resize(*got);
    return !buffer_.empty() || Fail("it became shorter while it was read");
  }

  bool Fail(absl::string_view what) {
    status_ = absl::InvalidArgumentError(
        absl::StrCat("not an ONNX model, or a damaged one: at byte ", position_, ": ", what));
    return false;
  }

  static constexpr int kLengths = 3;

  const InputFile& file_;
  std::vector<WirePayload>* payloads_;
  WireLength lengths_[kLengths];  // of the model's, the graph's and the tensor's field that is being read
  int initializers_ = 0;
  int last_raw_data_ = -1;  // the initializer that had one last
  std::string buffer_;
  int64_t buffer_start_ = 0;
  int64_t position_ = 0;
  int64_t parsed_bytes_ = 0;
  absl::flat_hash_set<int> seen_;  // fields of the outermost message
  absl::flat_hash_map<const Descriptor*, int64_t> message_bytes_;
  absl::Status status_;
};

}  // namespace

absl::StatusOr<int64_t> EstimateParsedBytes(const InputFile& file, const Descriptor& type,
                                            std::vector<WirePayload>* payloads) {
  Scanner scanner(file, payloads);
  if (!scanner.Message(type, file.size(), 0)) {
    return scanner.status();
  }
  return scanner.parsed_bytes();
}

}  // namespace cnnopt
