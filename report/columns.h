// Text in columns, for tables on the screen.
#ifndef CNNOPT_REPORT_COLUMNS_H_
#define CNNOPT_REPORT_COLUMNS_H_

#include <cstddef>
#include <string>
#include <vector>

namespace cnnopt {

struct ColumnsOptions {
  size_t width = 80;       // columns of the screen
  bool left_last = false;  // the last column is text too, and gives way to the screen after the first one
  bool header = true;      // the first row is one; it is painted when `color`
  bool color = false;
};

// Rows of cells that ForScreen made, all of the same number. The first column is text on the left and gives way to the
// screen by its middle; the others are numbers, on the right. Lines end in '\n' and have no blanks before it.
std::string RenderColumns(const std::vector<std::vector<std::string>>& rows, const ColumnsOptions& options);

}  // namespace cnnopt

#endif  // CNNOPT_REPORT_COLUMNS_H_
