// The flags that say how images become numbers.
#ifndef CNNOPT_JOB_IMAGE_FLAGS_H_
#define CNNOPT_JOB_IMAGE_FLAGS_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "runtime/image_options.h"

namespace cnnopt {

// Each stores the value of one flag. The message of an error says what was expected.
absl::Status StoreScale(const std::string& text, ImageOptions& images);
absl::Status StoreMean(const std::string& text, ImageOptions& images);
absl::Status StoreDeviation(const std::string& text, ImageOptions& images);
absl::Status StoreResize(const std::string& text, ImageOptions& images);
absl::Status StoreCrop(const std::string& text, ImageOptions& images);
absl::Status StoreChannelOrder(const std::string& text, ImageOptions& images);
absl::Status StoreLayout(const std::string& text, ImageOptions& images);

// The flags that make `images` out of the defaults, in a fixed order.
std::vector<std::string> ImageFlags(const ImageOptions& images);

}  // namespace cnnopt

#endif  // CNNOPT_JOB_IMAGE_FLAGS_H_
