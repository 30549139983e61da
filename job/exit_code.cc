#include "job/exit_code.h"

#include <string>

#include "absl/strings/cord.h"
#include "absl/strings/string_view.h"

namespace cnnopt {
namespace {

constexpr char kOriginUrl[] = "cnnopt.origin";

ExitCode SlimExitCode(absl::StatusCode code) {
  switch (code) {
    case absl::StatusCode::kFailedPrecondition:  // the options ask for something that they or the machine rule out
      return kExitUsage;
    case absl::StatusCode::kInvalidArgument:
    case absl::StatusCode::kNotFound:
    case absl::StatusCode::kOutOfRange:
    case absl::StatusCode::kUnimplemented:
    case absl::StatusCode::kResourceExhausted:
      return kExitInput;
    case absl::StatusCode::kUnavailable:
      return kExitTemporary;
    default:
      return kExitInternal;
  }
}

}  // namespace

const std::vector<ExitCodeEntry>& ExitCodes() {
  static const std::vector<ExitCodeEntry> codes = {
      {kExitDone, "done; also when there was nothing to gain and OUT got IN's own bytes"},
      {kExitInternal, "a defect of this program"},
      {kExitUsage, "the command line is wrong, or ONNX Runtime is needed and missing"},
      {kExitInput, "the model or the samples are unreadable or invalid"},
      {kExitVerification, "a budget or bound could not be met, nothing written; of compare: a bound does not hold"},
      {kExitUnchanged, "nothing to gain, under --fail-if-unchanged, nothing written"},
      {kExitBatchFailures, "of batch: a model failed, or two runs gave different outputs for one"},
      {kExitIo, "writing failed, an existing OUT is as it was; or OUT was written but the result could not be printed"},
      {kExitTemporary, "out of memory: try again, or on a larger machine; of batch: models are left to be run"},
      {kExitInterrupted, "ended by SIGINT; likewise 143 by SIGTERM and 129 by SIGHUP; OUT is whole"},
  };
  return codes;
}

absl::Status From(Origin origin, absl::Status status) {
  if (!status.ok() && !status.GetPayload(kOriginUrl).has_value()) {
    const char digit = static_cast<char>('0' + static_cast<int>(origin));
    status.SetPayload(kOriginUrl, absl::Cord(absl::string_view(&digit, 1)));
  }
  return status;
}

ExitCode StatusToExitCode(const absl::Status& status) {
  if (status.ok()) {
    return kExitDone;
  }
  const absl::optional<absl::Cord> mark = status.GetPayload(kOriginUrl);
  if (!mark.has_value() || absl::IsInternal(status)) {
    return kExitInternal;
  }
  switch (static_cast<Origin>(std::string(*mark)[0] - '0')) {
    case Origin::kUsage:
      return kExitUsage;
    case Origin::kInput:
      return kExitInput;
    case Origin::kSlim:
      return SlimExitCode(status.code());
    case Origin::kOutput:
      return kExitIo;
  }
  return kExitInternal;
}

}  // namespace cnnopt
