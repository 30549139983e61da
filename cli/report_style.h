// The style sheet of the HTML report.
#ifndef CNNOPT_CLI_REPORT_STYLE_H_
#define CNNOPT_CLI_REPORT_STYLE_H_

namespace cnnopt {

extern const char* const kReportStyle;

}  // namespace cnnopt

#endif  // CNNOPT_CLI_REPORT_STYLE_H_
