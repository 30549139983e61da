// The JSON report. docs/report.md describes every field; a change that breaks a reader raises the schema's number.
#ifndef CNNOPT_REPORT_JSON_H_
#define CNNOPT_REPORT_JSON_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "passes/slim.h"

namespace cnnopt {

// A file by its content.
struct FileFacts {
  std::string sha256;  // 64 lower-case hex digits, as sha256sum prints them
  int64_t bytes = 0;
};

// What a report says beside what Slim found out. Of paths it shows the last part only.
struct ReportContext {
  std::string version;
  std::vector<std::string> options;  // see CanonicalOptions
  std::string in;
  FileFacts in_facts;
  int64_t opset = 0, ir_version = 0;
  std::string out;                     // empty: none was given
  std::optional<FileFacts> out_facts;  // nullopt: nothing was written
  std::string calibration;             // empty: none was given
  std::string calibration_sha256;
};

// The report as indented JSON, fields in a fixed order, one '\n' at the end. Always valid: bytes in names that are
// not UTF-8 are written as "\xff", numbers that are not finite as null.
std::string RenderJson(const SlimReport& report, const ReportContext& context);

}  // namespace cnnopt

#endif  // CNNOPT_REPORT_JSON_H_
