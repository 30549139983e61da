#include "batch/json_fields.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "report/display.h"

namespace cnnopt {

JsonFields::JsonFields(absl::string_view line)
    : line_(line), json_(nlohmann::ordered_json::parse(line.begin(), line.end(), nullptr, false)) {
  if (!json_.is_object()) status_ = absl::InvalidArgumentError("found something else than a JSON object");
}

void JsonFields::Fail(const char* name, absl::string_view expected) {
  if (status_.ok()) status_ = absl::InvalidArgumentError(absl::StrCat("field '", name, "': expected ", expected));
}

const nlohmann::ordered_json* JsonFields::Find(const char* name) {
  if (!json_.is_object()) return nullptr;
  const auto field = json_.find(name);
  return field == json_.end() ? nullptr : &*field;
}

void JsonFields::Read(const char* name, std::string& value) {
  const auto* const field = Find(name);
  if (field == nullptr || !field->is_string()) return Fail(name, "a text");
  value = field->get<std::string>();
}

void JsonFields::Read(const char* name, int64_t& value) {
  const auto* const field = Find(name);
  if (field == nullptr || !field->is_number_integer() || field->get<int64_t>() < 0) {
    return Fail(name, "a whole number from 0 on");
  }
  value = field->get<int64_t>();
}

void JsonFields::Read(const char* name, int& value) {
  const auto* const field = Find(name);
  if (field == nullptr || !field->is_number_integer()) return Fail(name, "a whole number");
  value = static_cast<int>(std::clamp<int64_t>(field->get<int64_t>(), -1000, 1000));
}

void JsonFields::Read(const char* name, double& value) {
  const auto* const field = Find(name);
  if (field == nullptr || !field->is_number()) return Fail(name, "a number");
  value = field->get<double>();
}

void JsonFields::Read(const char* name, bool& value) {
  const auto* const field = Find(name);
  if (field == nullptr || !field->is_boolean()) return Fail(name, "true or false");
  value = field->get<bool>();
}

void JsonFields::Read(const char* name, std::vector<std::string>& value) {
  const auto* const field = Find(name);
  const auto is_text = [](const nlohmann::ordered_json& entry) { return entry.is_string(); };
  if (field == nullptr || !field->is_array() || !std::all_of(field->begin(), field->end(), is_text)) {
    return Fail(name, "a list of texts");
  }
  for (const nlohmann::ordered_json& entry : *field) value.push_back(entry.get<std::string>());
}

void JsonFields::Read(const char* name, std::set<std::string>& value) {
  std::vector<std::string> list;
  Read(name, list);
  value.insert(list.begin(), list.end());
}

void JsonFields::ReadPath(std::string& path) {
  Read("path", path);
  if (Has("path_hex")) {
    std::string hex;
    Read("path_hex", hex);
    if (hex.size() % 2 != 0 || !std::all_of(hex.begin(), hex.end(), [](char c) { return absl::ascii_isxdigit(c); })) {
      return Fail("path_hex", "hexadecimal digits");
    }
    path = absl::HexStringToBytes(hex);
  }
  if (path.empty() || path.find('\0') != std::string::npos) Fail("path", "a path");
}

void PutPath(const std::string& path, nlohmann::ordered_json& object) {
  object["path"] = ValidUtf8(path);
  if (ValidUtf8(path) != path) object["path_hex"] = absl::BytesToHexString(path);
}

}  // namespace cnnopt
