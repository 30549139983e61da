// Models that share big payloads: copies made, edited and dropped by the dozen, of weights that are in memory once.
#ifndef CNNOPT_ONNX_IO_BORROW_H_
#define CNNOPT_ONNX_IO_BORROW_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "onnx/onnx_pb.h"
#include "onnx_io/stored_payload.h"

namespace cnnopt {

// A copy of `lender` whose initializers of the main graph with at least `min_bytes` of raw_data refer to the lender's
// payload. Such a tensor is marked external, without a location: in a file it would be refused. Copies of a borrower
// borrow from the same lender, which must outlive them all and keep its payloads unchanged. A lender may itself be a
// borrower.
onnx::ModelProto Borrow(const onnx::ModelProto& lender, size_t min_bytes = 1024);

// Everything of `model` but the main graph's initializers.
onnx::ModelProto CopyWithoutInitializers(const onnx::ModelProto& model);

// Makes `tensor` one whose payload is `stored`, which must outlive it and its copies. To all that follows it borrows.
void MarkStored(StoredPayload& stored, onnx::TensorProto& tensor);
// That payload; null: it has none of this kind.
StoredPayload* StoredPayloadOf(const onnx::TensorProto& tensor);
// Whether all stored payloads of the main graph could be read; else why not, naming the tensor.
absl::Status CheckStoredPayloads(const onnx::ModelProto& model);

// The payload that `tensor` borrows, read now if it is still stored; null: it borrows none.
const std::string* BorrowedPayload(const onnx::TensorProto& tensor);
// Whether it says so of itself; nothing is looked up, so that any tensor may be asked.
bool Borrows(const onnx::TensorProto& tensor);
// raw_data, its own or borrowed; empty for a payload in a typed field.
const std::string& RawData(const onnx::TensorProto& tensor);
// Its size, for which nothing is read.
int64_t RawBytes(const onnx::TensorProto& tensor);
// Gives `tensor` a payload of its own, a copy of the borrowed one; of any other tensor nothing changes.
void MakeOwn(onnx::TensorProto& tensor);

// Ends all loans of `borrower`, but for payloads that are stored: moves the payloads it uses out of `lenders`, which
// are left without them; what others lent is copied.
void TakeOver(absl::Span<onnx::ModelProto* const> lenders, onnx::ModelProto& borrower);

// Bytes of `model` in a file, borrowed payloads included.
int64_t SerializedBytes(const onnx::ModelProto& model);

// Puts the borrowed payloads of a model into their fields for as long as this lives, for code that knows nothing of
// loans. Meanwhile the lender and all other borrowers are without them.
class PayloadsInPlace {
 public:
  // Stored payloads of at least `stored_from` bytes stay where they are; negative: none do.
  explicit PayloadsInPlace(onnx::ModelProto& model, int64_t stored_from = -1);
  ~PayloadsInPlace();
  PayloadsInPlace(const PayloadsInPlace&) = delete;
  PayloadsInPlace& operator=(const PayloadsInPlace&) = delete;

  // Why a stored payload could not be read, if one could not.
  const absl::Status& status() const { return status_; }

 private:
  struct Loan {
    onnx::TensorProto* tensor;
    std::string* payload;
    onnx::TensorProto marks;  // data_location and external_data
  };
  std::vector<Loan> loans_;
  absl::Status status_;
};

}  // namespace cnnopt

#endif  // CNNOPT_ONNX_IO_BORROW_H_
