// Pictures written as files.
#ifndef CNNOPT_RUNTIME_ENCODE_IMAGE_H_
#define CNNOPT_RUNTIME_ENCODE_IMAGE_H_

#include <string>

#include "runtime/image.h"

namespace cnnopt {

// `image`, which has a pixel at least, as the bytes of a PNG of 8 bits per channel; the same bytes every time. Empty
// when there is no memory for it.
std::string EncodePng(const Image& image);

}  // namespace cnnopt

#endif  // CNNOPT_RUNTIME_ENCODE_IMAGE_H_
