// The layers as a table for spreadsheets.
#ifndef CNNOPT_REPORT_CSV_H_
#define CNNOPT_REPORT_CSV_H_

#include <string>

#include "passes/slim.h"

namespace cnnopt {

// A header and one row per layer, as RFC 4180 has it: commas, lines that end in "\r\n", quotes where needed. Unknown
// numbers are empty. A name that a spreadsheet would run as a formula gets an apostrophe in front.
std::string RenderCsv(const SlimReport& report);

}  // namespace cnnopt

#endif  // CNNOPT_REPORT_CSV_H_
