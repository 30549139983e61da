#include "report/report.h"

#include <algorithm>
#include <iterator>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "report/csv.h"
#include "report/markdown.h"
#include "report/page.h"

namespace cnnopt {
namespace {

struct Form {
  const char* ending;
  std::string (*render)(const SlimReport& report, const ReportContext& context);
};
constexpr Form kForms[] = {
    {".json", RenderJson},
    {".md", RenderMarkdown},
    {".csv", [](const SlimReport& report, const ReportContext&) { return RenderCsv(report); }},
    {".html", RenderHtml},
};

const Form* FormOf(absl::string_view path) {
  const auto* form = std::find_if(std::begin(kForms), std::end(kForms),
                                  [&](const Form& candidate) { return absl::EndsWith(path, candidate.ending); });
  return form == std::end(kForms) ? nullptr : form;
}

}  // namespace

bool IsReportPath(absl::string_view path) { return FormOf(path) != nullptr; }

std::string ReportEndings() {
  std::string text = "a file name that ends in ";
  for (size_t f = 0; f < std::size(kForms); ++f) {
    const char* before = f == 0 ? "" : f + 1 == std::size(kForms) ? " or " : ", ";
    absl::StrAppend(&text, before, kForms[f].ending);
  }
  return text;
}

std::string RenderReport(absl::string_view path, const SlimReport& report, const ReportContext& context) {
  return FormOf(path)->render(report, context);
}

}  // namespace cnnopt
