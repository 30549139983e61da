#include "onnx_io/small_float.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace cnnopt {

double FromBits(uint16_t bits, const SmallFloat& format) {
  const int magnitude = bits & 0x7fff;
  const double sign = (bits & 0x8000) != 0 ? -1.0 : 1.0;
  if (magnitude > format.infinity) {
    return std::numeric_limits<double>::quiet_NaN();
  }
  if (magnitude == format.infinity) {
    return sign * std::numeric_limits<double>::infinity();
  }
  const int one = 1 << format.mantissa_bits;
  const int exponent = magnitude >> format.mantissa_bits;
  const int mantissa = magnitude % one;
  // Subnormal numbers have the exponent of the smallest normal ones and no hidden one.
  const int quantum = format.min_exponent - format.mantissa_bits + (exponent == 0 ? 0 : exponent - 1);
  return sign * std::ldexp(exponent == 0 ? mantissa : mantissa + one, quantum);
}

uint16_t ToBits(double value, const SmallFloat& format) {
  const uint16_t sign = std::signbit(value) ? 0x8000 : 0;
  if (std::isnan(value)) {
    return static_cast<uint16_t>(sign | format.infinity | (1 << (format.mantissa_bits - 1)));
  }
  const double magnitude = std::abs(value);
  if (std::isinf(value) || magnitude >= std::ldexp(1.0, 2 - format.min_exponent)) {
    return static_cast<uint16_t>(sign | format.infinity);
  }
  const int exponent = magnitude == 0 ? format.min_exponent : std::max(std::ilogb(magnitude), format.min_exponent);
  const double quanta = std::nearbyint(std::ldexp(magnitude, format.mantissa_bits - exponent));
  // Where rounding carries, the sum carries into the exponent field, up to infinity.
  const int bits = ((exponent - format.min_exponent) << format.mantissa_bits) + static_cast<int>(quanta);
  return static_cast<uint16_t>(sign | bits);
}

}  // namespace cnnopt
