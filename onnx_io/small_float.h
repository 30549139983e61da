// Floats of 16 bits: IEEE half and bfloat16.
#ifndef CNNOPT_ONNX_IO_SMALL_FLOAT_H_
#define CNNOPT_ONNX_IO_SMALL_FLOAT_H_

#include <cstdint>

namespace cnnopt {

// A 16-bit float format: 1 sign bit, then the exponent, then `mantissa_bits`.
struct SmallFloat {
  int mantissa_bits;
  int min_exponent;   // of a normal number
  uint16_t infinity;  // bits
};
inline constexpr SmallFloat kHalf{10, -14, 0x7c00};
inline constexpr SmallFloat kBfloat16{7, -126, 0x7f80};

double FromBits(uint16_t bits, const SmallFloat& format);
// Rounds to nearest even, straight from double: going through float would round twice.
uint16_t ToBits(double value, const SmallFloat& format);

}  // namespace cnnopt

#endif  // CNNOPT_ONNX_IO_SMALL_FLOAT_H_
