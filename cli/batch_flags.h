// The flags of `cnnopt batch`, beside those that it hands on to the main job.
#ifndef CNNOPT_CLI_BATCH_FLAGS_H_
#define CNNOPT_CLI_BATCH_FLAGS_H_

#include <string>
#include <vector>

#include "job/options.h"

namespace cnnopt {

std::vector<Flag> BatchRunFlags();
std::vector<Flag> BatchPlanFlags();
std::vector<Flag> BatchStatusFlags();
std::vector<Flag> BatchMergeFlags();

// Of `given`, as SlimArguments has it, what is for the main job and can change a result: a manifest records it.
std::vector<std::string> ResultOptions(const std::vector<std::string>& given);
// What is for the main job and says how it runs: --threads, --ort.
std::vector<std::string> RunningOptions(const std::vector<std::string>& given);

}  // namespace cnnopt

#endif  // CNNOPT_CLI_BATCH_FLAGS_H_
