// The sections of the HTML report that hold charts. Each is empty where there is nothing to show.
#ifndef CNNOPT_REPORT_SECTIONS_H_
#define CNNOPT_REPORT_SECTIONS_H_

#include <string>
#include <vector>

#include "passes/slim.h"

namespace cnnopt {

// "<section id=...><h2>heading</h2>content</section>"; empty for empty content.
std::string Section(const std::string& id, const std::string& heading, const std::string& content);

std::string CostSection(const SlimReport& report);     // bars per layer, before and after
std::string ErrorSection(const SlimReport& report);    // error of every slimmed layer
std::string CurveSection(const SlimReport& report);    // error against cost, with the plan that was taken
std::string SweepSection(const SlimReport& report);    // results for several targets
std::string LatencySection(const SlimReport& report);  // distributions of time
std::string SamplesSection(const SlimReport& report);  // worst samples

}  // namespace cnnopt

#endif  // CNNOPT_REPORT_SECTIONS_H_
