// Models that share big payloads: copies made, edited and dropped by the dozen, of weights that are in memory once.
#ifndef CNNOPT_ONNX_IO_BORROW_H_
#define CNNOPT_ONNX_IO_BORROW_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/types/span.h"
#include "onnx/onnx_pb.h"

namespace cnnopt {

// A copy of `lender` whose initializers of the main graph with at least `min_bytes` of raw_data refer to the lender's
// payload. Such a tensor is marked external, without a location: in a file it would be refused. Copies of a borrower
// borrow from the same lender, which must outlive them all and keep its payloads unchanged. A lender may itself be a
// borrower.
onnx::ModelProto Borrow(const onnx::ModelProto& lender, size_t min_bytes = 1024);

// Everything of `model` but the main graph's initializers.
onnx::ModelProto CopyWithoutInitializers(const onnx::ModelProto& model);

// The payload that `tensor` borrows; null: it borrows none.
const std::string* BorrowedPayload(const onnx::TensorProto& tensor);
// Whether it says so of itself; nothing is looked up, so that any tensor may be asked.
bool Borrows(const onnx::TensorProto& tensor);
// raw_data, its own or borrowed; empty for a payload in a typed field.
const std::string& RawData(const onnx::TensorProto& tensor);
// Gives `tensor` a payload of its own, a copy of the borrowed one; of any other tensor nothing changes.
void MakeOwn(onnx::TensorProto& tensor);

// Ends all loans of `borrower`: moves the payloads it uses out of `lenders`, which are left without them; what others
// lent is copied.
void TakeOver(absl::Span<onnx::ModelProto* const> lenders, onnx::ModelProto& borrower);

// Bytes of `model` in a file, borrowed payloads included.
int64_t SerializedBytes(const onnx::ModelProto& model);

// Puts the borrowed payloads of a model into their fields for as long as this lives, for code that knows nothing of
// loans. Meanwhile the lender and all other borrowers are without them.
class PayloadsInPlace {
 public:
  explicit PayloadsInPlace(onnx::ModelProto& model);
  ~PayloadsInPlace();
  PayloadsInPlace(const PayloadsInPlace&) = delete;
  PayloadsInPlace& operator=(const PayloadsInPlace&) = delete;

 private:
  struct Loan {
    onnx::TensorProto* tensor;
    std::string* payload;
  };
  std::vector<Loan> loans_;
};

}  // namespace cnnopt

#endif  // CNNOPT_ONNX_IO_BORROW_H_
