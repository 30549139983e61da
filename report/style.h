// The style sheet of the HTML report.
#ifndef CNNOPT_REPORT_STYLE_H_
#define CNNOPT_REPORT_STYLE_H_

namespace cnnopt {

extern const char* const kReportStyle;

}  // namespace cnnopt

#endif  // CNNOPT_REPORT_STYLE_H_
