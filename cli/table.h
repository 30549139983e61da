// The result on the screen: what became of each layer, then the totals.
#ifndef CNNOPT_CLI_TABLE_H_
#define CNNOPT_CLI_TABLE_H_

#include <cstddef>
#include <string>

#include "passes/slim.h"

namespace cnnopt {

struct TableOptions {
  size_t width = 80;     // columns of the screen, at least 80
  bool color = false;    // by meaning: green for gained, yellow for doubtful, red for refused
  bool verbose = false;  // every layer in graph order, names and reasons in full whatever the width
  std::string title;     // the first line: "resnet.onnx -> slim.onnx"
  std::string samples;   // where the samples came from: "cifar.npy"
};

// Title, layers, totals and, for a model that did not become slimmer, why: lines that end in '\n'. Kept layers
// stand after the slimmed ones, those with the same reason in one row, unless verbose.
std::string RenderTable(const SlimReport& report, const TableOptions& options);

}  // namespace cnnopt

#endif  // CNNOPT_CLI_TABLE_H_
