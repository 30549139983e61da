// paths IN OUT SAMPLES.npy: slims a file to 60 % of its multiplications by the shared library.
#include <cnnopt/cnnopt.h>

#include <cstdio>

int main(int argc, char** argv) {
  if (argc != 4) return 2;
  cnnopt::Options options;
  options.target_macs = 0.6;
  options.calibration = {argv[3]};
  options.samples = 10;
  options.latency = false;
  const absl::StatusOr<cnnopt::Report> report = cnnopt::SlimFile(argv[1], argv[2], options);
  if (!report.ok()) {
    std::fprintf(stderr, "%s\n", report.status().ToString().c_str());
    return cnnopt::ExitCodeOf(report);
  }
  return report->macs_after < report->macs_before ? 0 : 1;
}
