// Decisions of a generator, taken from bytes: those of a fuzzer, or of a seed.
#ifndef CNNOPT_TESTS_FUZZ_CHOICES_H_
#define CNNOPT_TESTS_FUZZ_CHOICES_H_

#include <cstdint>
#include <random>
#include <string>
#include <utility>
#include <vector>

namespace cnnopt::testing {

class Choices {
 public:
  // When the bytes are used up every further decision is 0, so that generators end.
  explicit Choices(std::string bytes) : bytes_(std::move(bytes)) {}
  static Choices FromSeed(uint32_t seed) {
    std::mt19937 random(seed);
    std::string bytes(512, '\0');
    for (char& byte : bytes) byte = static_cast<char>(random() & 0xff);
    return Choices(std::move(bytes));
  }

  // A number from 0 to count - 1; count is at least 1.
  int64_t Below(int64_t count) {
    uint64_t value = 0;
    for (int64_t range = 1; range < count; range *= 256) value = value * 256 + Byte();
    return static_cast<int64_t>(value % static_cast<uint64_t>(count));
  }
  bool OneIn(int64_t count) { return Below(count) == 1 % count; }
  template <typename T>
  T Of(const std::vector<T>& options) {
    return options[static_cast<size_t>(Below(static_cast<int64_t>(options.size())))];
  }
  bool Done() const { return position_ >= bytes_.size(); }

 private:
  uint8_t Byte() { return Done() ? 0 : static_cast<uint8_t>(bytes_[position_++]); }

  std::string bytes_;
  size_t position_ = 0;
};

}  // namespace cnnopt::testing

#endif  // CNNOPT_TESTS_FUZZ_CHOICES_H_
