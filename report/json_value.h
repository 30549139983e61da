// Values as the JSON writers share them.
#ifndef CNNOPT_REPORT_JSON_VALUE_H_
#define CNNOPT_REPORT_JSON_VALUE_H_

#include <nlohmann/json.hpp>
#include <optional>

namespace cnnopt {

// Null where there is none.
template <typename T>
nlohmann::ordered_json OrNull(const std::optional<T>& value) {
  return value.has_value() ? nlohmann::ordered_json(*value) : nlohmann::ordered_json(nullptr);
}

}  // namespace cnnopt

#endif  // CNNOPT_REPORT_JSON_VALUE_H_
