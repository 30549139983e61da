#include "onnx_io/borrow.h"

#include <bit>
#include <map>
#include <set>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "google/protobuf/io/coded_stream.h"
#include "google/protobuf/util/field_mask_util.h"
#include "onnx_io/quote.h"
#include "onnx_io/status_macros.h"

namespace cnnopt {
namespace {

using google::protobuf::FieldMask;
using google::protobuf::io::CodedOutputStream;
using google::protobuf::util::FieldMaskUtil;

// Stands where files have "location", without which their external data is refused.
constexpr absl::string_view kKey = "borrowed from";
constexpr absl::string_view kStoredKey = "stored in";

void Mark(absl::string_view key, uintptr_t address, int64_t bytes, onnx::TensorProto& tensor) {
  tensor.set_data_location(onnx::TensorProto::EXTERNAL);
  onnx::StringStringEntryProto& lender = *tensor.add_external_data();
  lender.set_key(std::string(key));
  lender.set_value(absl::StrCat(address));
  onnx::StringStringEntryProto& length = *tensor.add_external_data();
  length.set_key("length");
  length.set_value(absl::StrCat(bytes));
}

bool IsMarked(const onnx::TensorProto& tensor, absl::string_view key) {
  return tensor.data_location() == onnx::TensorProto::EXTERNAL && tensor.external_data_size() == 2 &&
         tensor.external_data(0).key() == key;
}

// What `tensor` is marked with under `key`; 0: nothing.
uintptr_t AddressIn(const onnx::TensorProto& tensor, absl::string_view key) {
  uintptr_t address = 0;
  return IsMarked(tensor, key) && absl::SimpleAtoi(tensor.external_data(0).value(), &address) ? address : 0;
}

// The tensor as it was before Mark, without a payload.
void Unmark(onnx::TensorProto& tensor) {
  tensor.clear_data_location();
  tensor.clear_external_data();
}

// Every field of a message but the one at `path`. By field mask, so that fields a newer onnx adds come along by
// themselves.
template <typename Message>
FieldMask AllBut(const std::string& path) {
  FieldMask left_out, rest;
  left_out.add_paths(path);
  FieldMaskUtil::Subtract<Message>(FieldMaskUtil::GetFieldMaskForAllFields<Message>(), left_out, &rest);
  return rest;
}

// A copy of the fields in `mask` and of unknown fields, but those of a message that `mask` takes apart.
template <typename Message>
Message CopyFields(const Message& message, const FieldMask& mask) {
  Message copy;
  FieldMaskUtil::MergeMessageTo(message, mask, FieldMaskUtil::MergeOptions(), &copy);
  copy.mutable_unknown_fields()->MergeFrom(message.unknown_fields());
  return copy;
}

// Moves the payloads of `first` that are in `lender` to their borrowers and takes these off the list.
void MovePayloads(onnx::ModelProto& lender, std::map<const std::string*, onnx::TensorProto*>& first) {
  for (onnx::TensorProto& tensor : *lender.mutable_graph()->mutable_initializer()) {
    const auto found = first.find(&tensor.raw_data());
    if (found == first.end()) continue;
    Unmark(*found->second);
    found->second->set_allocated_raw_data(tensor.release_raw_data());
    first.erase(found);
  }
}

bool CanBeBorrowed(const onnx::TensorProto& tensor, size_t min_bytes) {
  return tensor.raw_data().size() >= min_bytes && !tensor.has_data_location() && tensor.external_data_size() == 0;
}

}  // namespace

onnx::ModelProto CopyWithoutInitializers(const onnx::ModelProto& model) {
  onnx::ModelProto copy = CopyFields(model, AllBut<onnx::ModelProto>("graph.initializer"));
  copy.mutable_graph()->mutable_unknown_fields()->MergeFrom(model.graph().unknown_fields());
  return copy;
}

onnx::ModelProto Borrow(const onnx::ModelProto& lender, size_t min_bytes) {
  const FieldMask all_but_payload = AllBut<onnx::TensorProto>("raw_data");
  onnx::ModelProto copy = CopyWithoutInitializers(lender);
  for (const onnx::TensorProto& tensor : lender.graph().initializer()) {
    onnx::TensorProto& added = *copy.mutable_graph()->add_initializer();
    if (!CanBeBorrowed(tensor, min_bytes)) {
      added = tensor;
      continue;
    }
    added = CopyFields(tensor, all_but_payload);
    Mark(kKey, std::bit_cast<uintptr_t>(&tensor.raw_data()), RawBytes(tensor), added);
  }
  return copy;
}

bool Borrows(const onnx::TensorProto& tensor) { return IsMarked(tensor, kKey) || IsMarked(tensor, kStoredKey); }

void MarkStored(StoredPayload& stored, onnx::TensorProto& tensor) {
  tensor.clear_external_data();
  Mark(kStoredKey, std::bit_cast<uintptr_t>(&stored), stored.bytes(), tensor);
}

StoredPayload* StoredPayloadOf(const onnx::TensorProto& tensor) {
  return std::bit_cast<StoredPayload*>(AddressIn(tensor, kStoredKey));
}

absl::Status CheckStoredPayloads(const onnx::ModelProto& model) {
  for (const onnx::TensorProto& tensor : model.graph().initializer()) {
    const StoredPayload* stored = StoredPayloadOf(tensor);
    if (stored == nullptr) continue;
    CNNOPT_RETURN_IF_ERROR(Annotate(stored->status(), absl::StrCat("tensor ", Quote(tensor.name()))));
  }
  return absl::OkStatus();
}

const std::string* BorrowedPayload(const onnx::TensorProto& tensor) {
  StoredPayload* stored = StoredPayloadOf(tensor);
  if (stored != nullptr) return &stored->Content();
  return std::bit_cast<const std::string*>(AddressIn(tensor, kKey));
}

const std::string& RawData(const onnx::TensorProto& tensor) {
  const std::string* borrowed = BorrowedPayload(tensor);
  return borrowed == nullptr ? tensor.raw_data() : *borrowed;
}

int64_t RawBytes(const onnx::TensorProto& tensor) {
  int64_t bytes = 0;
  if (!Borrows(tensor)) return static_cast<int64_t>(tensor.raw_data().size());
  return absl::SimpleAtoi(tensor.external_data(1).value(), &bytes) ? bytes : 0;
}

void MakeOwn(onnx::TensorProto& tensor) {
  const std::string* payload = BorrowedPayload(tensor);
  if (payload == nullptr) return;
  Unmark(tensor);
  tensor.set_raw_data(*payload);
}

void TakeOver(absl::Span<onnx::ModelProto* const> lenders, onnx::ModelProto& borrower) {
  std::map<const std::string*, onnx::TensorProto*> first;
  for (onnx::TensorProto& tensor : *borrower.mutable_graph()->mutable_initializer()) {
    if (StoredPayloadOf(tensor) != nullptr) continue;
    const std::string* payload = BorrowedPayload(tensor);
    if (payload != nullptr && !first.emplace(payload, &tensor).second) MakeOwn(tensor);
  }
  for (onnx::ModelProto* lender : lenders) MovePayloads(*lender, first);
  for (const auto& [payload, tensor] : first) MakeOwn(*tensor);
}

int64_t SerializedBytes(const onnx::ModelProto& model) {
  // All fields on the way are numbered below 16: their tags take one byte.
  const auto embedded = [](int64_t bytes) {
    return 1 + static_cast<int64_t>(CodedOutputStream::VarintSize64(static_cast<uint64_t>(bytes))) + bytes;
  };
  const onnx::ModelProto rest = CopyWithoutInitializers(model);
  const auto rest_of_graph = static_cast<int64_t>(rest.graph().ByteSizeLong());
  int64_t graph = rest_of_graph;
  for (const onnx::TensorProto& tensor : model.graph().initializer()) {
    if (!Borrows(tensor)) {
      graph += embedded(static_cast<int64_t>(tensor.ByteSizeLong()));
      continue;
    }
    onnx::TensorProto unmarked = tensor;
    Unmark(unmarked);
    const int64_t payload = RawBytes(tensor);
    graph += embedded(static_cast<int64_t>(unmarked.ByteSizeLong()) + embedded(payload));
  }
  return static_cast<int64_t>(rest.ByteSizeLong()) - embedded(rest_of_graph) + embedded(graph);
}

PayloadsInPlace::PayloadsInPlace(onnx::ModelProto& model, int64_t stored_from) {
  std::set<const std::string*> lent;
  std::vector<onnx::TensorProto*> borrowers;
  for (onnx::TensorProto& tensor : *model.mutable_graph()->mutable_initializer()) {
    const StoredPayload* stored = StoredPayloadOf(tensor);
    if (stored != nullptr && stored_from >= 0 && stored->bytes() >= stored_from) continue;
    const std::string* payload = BorrowedPayload(tensor);
    if (payload == nullptr) continue;
    if (stored != nullptr) status_.Update(stored->status());
    if (!lent.insert(payload).second) {
      MakeOwn(tensor);  // the payload can stand in one place
      continue;
    }
    borrowers.push_back(&tensor);
  }
  for (onnx::TensorProto* tensor : borrowers) {
    // Not by set_allocated, which may make another object of the string.
    Loan& loan = loans_.emplace_back(Loan{tensor, const_cast<std::string*>(BorrowedPayload(*tensor)), {}});
    loan.marks.mutable_external_data()->Swap(tensor->mutable_external_data());
    Unmark(*tensor);
    tensor->mutable_raw_data()->swap(*loan.payload);
  }
}

PayloadsInPlace::~PayloadsInPlace() {
  for (Loan& loan : loans_) {
    loan.payload->swap(*loan.tensor->mutable_raw_data());
    loan.tensor->clear_raw_data();
    loan.tensor->set_data_location(onnx::TensorProto::EXTERNAL);
    loan.tensor->mutable_external_data()->Swap(loan.marks.mutable_external_data());
  }
}

}  // namespace cnnopt
