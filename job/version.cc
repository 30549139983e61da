#include "job/version.h"

namespace cnnopt {

const char kToolVersion[] = CNNOPT_TOOL_VERSION;

}  // namespace cnnopt
