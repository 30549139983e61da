// Checks of the window operators: convolutions and poolings.
#ifndef CNNOPT_ONNX_IO_VALIDATE_CONV_H_
#define CNNOPT_ONNX_IO_VALIDATE_CONV_H_

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "google/protobuf/repeated_field.h"
#include "onnx/onnx_pb.h"

namespace cnnopt {

// Dims of a value; null: not known.
using DimsOfValue = absl::FunctionRef<const google::protobuf::RepeatedField<int64_t>*(absl::string_view)>;

// Checks the attributes of Conv, ConvTranspose, ConvInteger, QLinearConv, DeformConv and the poolings: lists are of
// one length (pads twice that), strides, dilations, kernel and group positive, pads not negative, all of them small
// enough that later sums cannot overflow. Where `constant` knows the weight: it has the rank, kernel and channels the
// attributes say, group divides the channels, and a constant bias has one number per output channel. Where `input`
// knows the data input: its channels fit, and the kernel is not larger than the padded input.
// Attributes that refer to one of a function's are not looked at. Ok for every other operator.
// Errors: InvalidArgument, which does not name the node.
absl::Status ValidateWindow(const onnx::NodeProto& node, DimsOfValue constant, DimsOfValue input);

}  // namespace cnnopt

#endif  // CNNOPT_ONNX_IO_VALIDATE_CONV_H_
