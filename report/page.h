// The report as one page that needs nothing else: no network, no script, no other file.
#ifndef CNNOPT_REPORT_PAGE_H_
#define CNNOPT_REPORT_PAGE_H_

#include <cstddef>
#include <string>

#include "report/json.h"

namespace cnnopt {

inline constexpr size_t kMostBars = 40;          // of one chart
inline constexpr size_t kMostTableRows = 10000;  // of one table; JSON and CSV hold every layer

// Readable in light and dark, on a telephone and with a screen reader; every chart has a table with its numbers. What
// comes from the model is escaped and cut to a few hundred characters, so that the page's size is bounded.
std::string RenderHtml(const SlimReport& report, const ReportContext& context);

}  // namespace cnnopt

#endif  // CNNOPT_REPORT_PAGE_H_
