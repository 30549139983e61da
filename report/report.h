// The forms a report comes in, by the ending of its file's name.
#ifndef CNNOPT_REPORT_REPORT_H_
#define CNNOPT_REPORT_REPORT_H_

#include <string>

#include "absl/strings/string_view.h"
#include "report/json.h"

namespace cnnopt {

// Whether `path` ends as one of the forms does.
bool IsReportPath(absl::string_view path);
// "a file name that ends in .json, .md, .csv or .html".
std::string ReportEndings();

// The report in the form that `path`, for which IsReportPath holds, asks for.
std::string RenderReport(absl::string_view path, const SlimReport& report, const ReportContext& context);

}  // namespace cnnopt

#endif  // CNNOPT_REPORT_REPORT_H_
