#include "passes/check_options.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "onnx_io/status_macros.h"

namespace cnnopt {
namespace {

absl::Status CheckFraction(absl::string_view name, std::optional<double> fraction) {
  if (!fraction.has_value() || (*fraction > 0 && *fraction <= 1)) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(name, " is ", *fraction, ", expected a fraction in (0, 1]"));
}

absl::Status CheckBudgets(const SlimOptions& options) {
  CNNOPT_RETURN_IF_ERROR(CheckFraction("target-macs", options.target_macs));
  CNNOPT_RETURN_IF_ERROR(CheckFraction("target-params", options.target_params));
  CNNOPT_RETURN_IF_ERROR(CheckFraction("min-agreement", options.bounds.min_agreement));
  const std::optional<double> max_error = options.bounds.max_error;
  if (max_error.has_value() && !(*max_error > 0)) {
    return absl::InvalidArgumentError(absl::StrCat("max-error is ", *max_error, ", expected a number above 0"));
  }
  if (options.target_latency.has_value()) {
    const auto& [fraction, milliseconds] = *options.target_latency;
    if (fraction != 0) {
      CNNOPT_RETURN_IF_ERROR(CheckFraction("target-latency", fraction));
    } else if (!(milliseconds > 0)) {
      return absl::InvalidArgumentError(absl::StrCat("target-latency is ", milliseconds, " ms, expected more than 0"));
    }
    if (options.runtime == nullptr) {
      return absl::FailedPreconditionError("target-latency: time cannot be measured without ONNX Runtime");
    }
  }
  if (options.target_size.has_value()) {
    const auto& [fraction, bytes] = *options.target_size;
    if (fraction != 0) return CheckFraction("target-size", fraction);
    if (bytes < 1) {
      return absl::InvalidArgumentError(absl::StrCat("target-size is ", bytes, " bytes, expected 1 or more"));
    }
  }
  return absl::OkStatus();
}

}  // namespace

bool HasBudget(const Goal& goal) {
  return goal.target_macs.has_value() || goal.target_params.has_value() || goal.target_size.has_value() ||
         goal.target_latency.has_value();
}

absl::Status CheckOptions(const SlimOptions& options, const Selection& selection) {
  CNNOPT_RETURN_IF_ERROR(CheckBudgets(options));
  if (selection.forced_rank && HasBudget(options)) {
    return absl::InvalidArgumentError("a pass with rank= and a budget contradict each other: give one of them");
  }
  if (options.runtime == nullptr && options.verify != Verify::kOff) {
    return absl::FailedPreconditionError("the result cannot be verified without ONNX Runtime");
  }
  CNNOPT_RETURN_IF_ERROR(CheckRules(options.rules));
  const bool decided =
      HasBudget(options) || selection.forced_rank || selection.forms.empty() || options.rules.others_are_kept;
  if (options.runtime == nullptr && (!decided || options.bounds.min_agreement.has_value())) {
    return absl::FailedPreconditionError("a bound cannot be measured without ONNX Runtime: give a budget instead");
  }
  return absl::OkStatus();
}

}  // namespace cnnopt
