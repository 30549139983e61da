#include "job/cost_cache.h"

#include <cmath>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "onnx_io/file_io.h"
#include "onnx_io/model_file.h"
#include "onnx_io/quote.h"
#include "onnx_io/status_macros.h"
#include "runtime/processor.h"
#include "runtime/read_file.h"

namespace cnnopt {
namespace {

using Json = nlohmann::json;  // sorted: the same times give the same bytes
constexpr const char* kSchema = "cnnopt-cost-cache/1";
constexpr int64_t kMostBytes = 64'000'000;

absl::Status Wrong(const std::string& path, const std::string& what) {
  return absl::InvalidArgumentError(absl::StrCat("cost cache '", path, "': ", what));
}

bool IsTime(const Json& time) {
  return time.is_number() && std::isfinite(time.get<double>()) && time.get<double>() > 0;
}

// The whole file, checked, or an empty cache.
absl::StatusOr<Json> ReadAll(const std::string& path) {
  if (!FileExists(path)) return Json{{"schema", kSchema}, {"nanoseconds", Json::object()}};
  CNNOPT_ASSIGN_OR_RETURN(const std::string text, ReadFile(path, kMostBytes));
  Json cache = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!cache.is_object() || cache.value("schema", Json()) != Json(kSchema)) {
    return Wrong(path, absl::StrCat("expected a JSON object with \"schema\": \"", kSchema, "\""));
  }
  const Json machines = cache.value("nanoseconds", Json());
  if (!machines.is_object()) return Wrong(path, "expected an object 'nanoseconds'");
  for (const auto& [machine, times] : machines.items()) {
    if (!times.is_object()) return Wrong(path, absl::StrCat("expected an object of times for ", Quote(machine)));
    for (const auto& [layer, time] : times.items()) {
      if (!IsTime(time)) return Wrong(path, absl::StrCat("the time of ", Quote(layer), " is not a number above 0"));
    }
  }
  return cache;
}

}  // namespace

std::string TimingMachine(const OnnxRuntime& runtime, int threads) {
  return absl::StrCat("ONNX Runtime ", runtime.version(), ", ", ProcessorName(), ", ", threads,
                      threads == 1 ? " thread" : " threads");
}

absl::StatusOr<TimeCache> ReadCostCache(const std::string& path, const std::string& machine) {
  CNNOPT_ASSIGN_OR_RETURN(const Json cache, ReadAll(path));
  TimeCache times;
  const Json known = cache["nanoseconds"].value(machine, Json::object());
  for (const auto& [layer, time] : known.items()) times[layer] = time.get<double>();
  return times;
}

absl::Status AddToCostCache(const std::string& path, const std::string& machine, const TimeCache& times) {
  CNNOPT_ASSIGN_OR_RETURN(Json cache, ReadAll(path));
  Json& known = cache["nanoseconds"][machine];
  for (const auto& [layer, time] : times) known[layer] = time;
  return WriteFileAtomically(absl::StrCat(cache.dump(1, ' ', true, Json::error_handler_t::replace), "\n"), path);
}

}  // namespace cnnopt
