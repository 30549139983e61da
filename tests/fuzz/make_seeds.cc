// make_seeds FOLDER: inputs for the fuzz targets to start from, a folder for each.
#include <filesystem>
#include <fstream>
#include <iostream>
#include <string>

#include "absl/strings/str_cat.h"
#include "tests/fuzz/random_network.h"

int main(int argc, char** argv) {
  using cnnopt::testing::Choices;
  if (argc != 2) {
    std::cerr << "usage: make_seeds FOLDER\n";
    return 2;
  }
  const std::filesystem::path folder = argv[1];
  for (const char* target : {"read_model", "whole_job", "random_network"}) {
    std::filesystem::create_directories(folder / target);
  }
  const auto write = [&](const char* target, uint32_t seed, const std::string& bytes) {
    std::ofstream file(folder / target / absl::StrCat("seed", seed), std::ios::binary);
    file << bytes;
    return file.flush().good();
  };
  bool written = true;
  for (uint32_t seed = 0; seed < 100; ++seed) {
    Choices choices = Choices::FromSeed(seed);
    const onnx::ModelProto model = cnnopt::testing::RandomNetwork(choices, cnnopt::testing::WeightKind::kAny);
    const std::string bytes = model.SerializeAsString();
    std::string decisions;
    Choices again = Choices::FromSeed(seed);
    while (!again.Done()) decisions.push_back(static_cast<char>(again.Below(256)));
    written = written && write("random_network", seed, decisions);
    if (bytes.size() >= 20'000) continue;  // more than fuzz.sh allows; small ones are mutated faster
    written = written && write("read_model", seed, bytes) &&
              write("whole_job", seed, absl::StrCat(bytes, std::string(1, static_cast<char>(seed * 5))));
  }
  if (!written) std::cerr << "make_seeds: cannot write to " << folder << "\n";
  return written ? 0 : 1;
}
