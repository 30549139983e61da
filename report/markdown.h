// The report as Markdown, for a pull request or a wiki.
#ifndef CNNOPT_REPORT_MARKDOWN_H_
#define CNNOPT_REPORT_MARKDOWN_H_

#include <string>

#include "report/json.h"

namespace cnnopt {

// Headline figures, every layer, warnings, and how the run was made, in tables as GitHub knows them. Names and reasons
// are escaped: nothing of them is read as Markdown or HTML.
std::string RenderMarkdown(const SlimReport& report, const ReportContext& context);

}  // namespace cnnopt

#endif  // CNNOPT_REPORT_MARKDOWN_H_
