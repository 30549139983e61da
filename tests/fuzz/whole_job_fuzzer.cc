// Models with a few fields changed, through the whole job without ONNX Runtime. The last byte picks the form.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <random>
#include <string>

#include "tests/fuzz/mutate.h"
#include "tests/fuzz/properties.h"

extern "C" size_t LLVMFuzzerMutate(uint8_t* data, size_t size, size_t max_size);

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return -1;
  const auto outcome =
      cnnopt::testing::CheckWholeJob(std::string(reinterpret_cast<const char*>(data), size - 1), data[size - 1]);
  if (!outcome.ok()) {
    std::cerr << outcome.status() << "\n";
    std::abort();
  }
  return 0;
}

// What parses stays a model; a new random network takes the place of what does not.
extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size, unsigned int seed) {
  cnnopt::testing::Choices choices = cnnopt::testing::Choices::FromSeed(seed);
  if (choices.OneIn(50)) return LLVMFuzzerMutate(data, size, max_size);
  onnx::ModelProto model;
  const bool parsed = size > 1 && model.ParseFromArray(data, static_cast<int>(size - 1)) && model.has_graph();
  if (!parsed || choices.OneIn(100)) {
    model = cnnopt::testing::RandomNetwork(choices, cnnopt::testing::WeightKind::kAny);
  }
  for (int64_t edits = 1 + choices.Below(3); edits > 0; --edits) cnnopt::testing::MutateModel(model, choices);
  const std::string bytes = model.SerializeAsString();
  if (bytes.size() + 1 > max_size) return size;
  const uint8_t form = size > 0 && !choices.OneIn(8) ? data[size - 1] : static_cast<uint8_t>(choices.Below(256));
  bytes.copy(reinterpret_cast<char*>(data), bytes.size());
  data[bytes.size()] = form;
  return bytes.size() + 1;
}
