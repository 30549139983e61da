// model IN OUT SAMPLES.npy: the same by the static library, on a model that the caller holds.
#include <cnnopt/cnnopt.h>

#include <cstdio>
#include <fstream>

#include "onnx/onnx_pb.h"

int main(int argc, char** argv) {
  if (argc != 4) return 2;
  onnx::ModelProto model;
  std::ifstream in(argv[1], std::ios::binary);
  if (!model.ParseFromIstream(&in)) return 3;
  cnnopt::Options options;
  options.target_macs = 0.6;
  options.calibration = {argv[3]};
  options.samples = 10;
  options.latency = false;
  const absl::StatusOr<cnnopt::Report> report = cnnopt::Slim(model, options);
  if (!report.ok()) {
    std::fprintf(stderr, "%s\n", report.status().ToString().c_str());
    return cnnopt::ExitCodeOf(report);
  }
  std::ofstream out(argv[2], std::ios::binary);
  return model.SerializeToOstream(&out) ? 0 : 1;
}
