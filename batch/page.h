// The report of a batch as one HTML page.
#ifndef CNNOPT_BATCH_PAGE_H_
#define CNNOPT_BATCH_PAGE_H_

#include <string>
#include <vector>

#include "batch/record.h"

namespace cnnopt {

// Totals, what failed and why, and every model (the first 10,000), by path. Asks for nothing from elsewhere.
std::string BatchPage(const std::vector<Record>& records);

}  // namespace cnnopt

#endif  // CNNOPT_BATCH_PAGE_H_
