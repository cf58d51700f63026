// SPDX-License-Identifier: Apache-2.0
#include "cli/report/compare_report.h"

#include <fmt/format.h>

#include <algorithm>

#include "cli/report/terminal_text.h"
#include "io/safetensors.h"

namespace ulproof::cli {
namespace {

std::uint64_t Number(const Json& json, const char* key) {
  return json.at(key).get<std::uint64_t>();
}

std::string TensorText(const Json& tensor) {
  const std::string name = io::QuotedName(tensor.at("name").get<std::string>());
  if (tensor.contains("why")) {
    return fmt::format("{}: {}\n", name, tensor.at("why").get<std::string>());
  }
  std::string text =
      fmt::format("{}: {} of {} elements differ\n", name, Grouped(Number(tensor, "different")),
                  Grouped(Number(tensor, "elements")));
  const Json& first = tensor.at("first");
  text += fmt::format("  first at row {}, column {}: {} and {} ({})\n", Number(first, "row"),
                      Number(first, "col"), first.at("a").get<std::string>(),
                      first.at("b").get<std::string>(), first.at("apart").get<std::string>());
  const Json& where = tensor.at("where");
  text += fmt::format(
      "  in {} of {} rows, {} of {} columns, {} of {} blocks of {}; rows {} to {}, "
      "columns {} to {}\n",
      Grouped(Number(where, "rows")), Grouped(Number(tensor, "rows")),
      Grouped(Number(where, "cols")), Grouped(Number(tensor, "cols")),
      Grouped(Number(where, "blocks")), Grouped(Number(tensor, "blocks")),
      tensor.at("block").get<std::string>(), Number(where, "first_row"), Number(where, "last_row"),
      Number(where, "first_col"), Number(where, "last_col"));
  text += "  codes apart:\n";
  for (const Json& row : tensor.at("histogram")) {
    text += fmt::format("    {:>24}  {}\n", row.at("apart").get<std::string>(),
                        Grouped(Number(row, "count")));
  }
  return text;
}

}  // namespace

std::string CompareText(const Json& record, bool use_color) {
  std::string text;
  for (const Json& tensor : record.at("differences")) text += TensorText(tensor);
  const bool same = record.at("verdict") == "pass";
  const std::string summary =
      fmt::format("{} of {} tensors equal, {} of {} compared elements differ",
                  Number(record, "equal_tensors"), Number(record, "tensors"),
                  Grouped(Number(record, "different")), Grouped(Number(record, "elements")));
  text += use_color ? fmt::format("\033[{}m{}\033[0m\n", same ? "32" : "1;31", summary)
                    : summary + '\n';
  return text;
}

Picture ComparePicture(const Json& record) {
  Picture picture = {.title = "Codes apart",
                     .subtitle = fmt::format("{} against {}", record.at("a").get<std::string>(),
                                             record.at("b").get<std::string>()),
                     .panels = {}};
  Chart chart = {.title = "",
                 .x = {.label = "distance in codes", .categories = {}},
                 .y = {.label = "elements", .is_log = true, .low = 0.5},
                 .series = {{.name = "", .mark = ChartMark::kBars, .points = {}}}};
  for (const Json& row : record.at("histogram")) {
    chart.series[0].points.push_back(
        {static_cast<double>(chart.x.categories.size()), row.at("count").get<double>()});
    chart.x.categories.push_back(row.at("apart").get<std::string>());
  }
  if (chart.x.categories.empty()) chart.x.categories = {"equal"};
  picture.panels.push_back(std::move(chart));
  return picture;
}

}  // namespace ulproof::cli
