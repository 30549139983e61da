// Which processor times hold for.
#ifndef CNNOPT_RUNTIME_PROCESSOR_H_
#define CNNOPT_RUNTIME_PROCESSOR_H_

#include <string>

#include "absl/strings/string_view.h"

namespace cnnopt {

// The name in a text like /proc/cpuinfo: "model name", else (ARM) implementer and part, else "".
std::string ProcessorIn(absl::string_view cpuinfo);

// The processor of this machine by architecture and name: "x86_64 AMD EPYC 7763", or the architecture alone.
std::string ProcessorName();

}  // namespace cnnopt

#endif  // CNNOPT_RUNTIME_PROCESSOR_H_
