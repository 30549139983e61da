// Fields of one line of JSON, read without trust in it.
#ifndef CNNOPT_BATCH_JSON_FIELDS_H_
#define CNNOPT_BATCH_JSON_FIELDS_H_

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace cnnopt {

// Reads the fields of an object. What is missing or of another kind leaves the value as it is and an error behind, of
// which the first counts. A field of the kind null is as good as missing where that is allowed.
class JsonFields {
 public:
  explicit JsonFields(absl::string_view line);

  absl::string_view line() const { return line_; }
  bool Has(const char* name) const { return json_.is_object() && json_.contains(name) && !json_[name].is_null(); }

  void Read(const char* name, std::string& value);
  void Read(const char* name, int64_t& value);  // from 0 on
  void Read(const char* name, int& value);      // negative too
  void Read(const char* name, double& value);
  void Read(const char* name, bool& value);
  void Read(const char* name, std::vector<std::string>& value);
  void Read(const char* name, std::set<std::string>& value);
  template <typename T>
  void Read(const char* name, std::optional<T>& value) {
    if (Has(name)) Read(name, value.emplace());
  }
  // A path of any bytes, as PutPath wrote it.
  void ReadPath(std::string& path);
  template <typename T>
  void ReadIfThere(const char* name, T& value) {
    if (Has(name)) Read(name, value);
  }

  // Ok, or InvalidArgument with what was wrong first.
  const absl::Status& status() const { return status_; }

 private:
  const nlohmann::ordered_json* Find(const char* name);
  void Fail(const char* name, absl::string_view expected);

  absl::string_view line_;
  nlohmann::ordered_json json_;
  absl::Status status_;
};

// Puts a path of any bytes into `object`: "path" as text, and "path_hex" when it is not UTF-8.
void PutPath(const std::string& path, nlohmann::ordered_json& object);

}  // namespace cnnopt

#endif  // CNNOPT_BATCH_JSON_FIELDS_H_
