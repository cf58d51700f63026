// SPDX-License-Identifier: Apache-2.0
#include "cli/report/formats_for_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace ulproof::cli {
namespace {

std::string PointName(const Json& point) {
  return fmt::format("{} b={:g}", point.at("to").get<std::string>(),
                     point.at("bits").get<double>());
}

}  // namespace

std::string FormatsForText(const Json& record) {
  std::string text = fmt::format("budget: at most {} of noise absorbed, SNR at least {:g} dB\n\n",
                                 Percent(record.at("max_absorbed").get<double>()),
                                 record.at("min_snr_db").get<double>());
  text += fmt::format("  {:<20} {:>5} {:>6} {:>9} {:>10} {:>8}  {}\n", "format", "width", "b",
                      "block", "absorbed", "SNR dB", "");
  for (const Json& point : record.at("model")) {
    text += fmt::format("  {:<20} {:>5} {:>6.4g} {:>9} {:>10} {:>8.2f}  {}{}\n",
                        point.at("to").get<std::string>(), point.at("width").get<int>(),
                        point.at("bits").get<double>(), point.at("block").get<std::string>(),
                        Percent(NumberFrom(point.at("absorbed"))), NumberFrom(point.at("snr_db")),
                        point.at("meets").get<bool>() ? "meets " : "",
                        point.at("pareto").get<bool>() ? "Pareto" : "");
  }
  text += "\nnarrowest setting that meets the budget, by tensor:\n";
  for (const Json& tensor : record.at("tensors")) {
    const Json& best = tensor.at("best");
    text += fmt::format("  {}: {}\n", tensor.at("name").get<std::string>(),
                        best.is_null() ? "none"
                                       : fmt::format("{}, SNR {:.2f} dB", PointName(best),
                                                     NumberFrom(best.at("snr_db"))));
  }
  const Json& best = record.at("best");
  text += fmt::format("whole model: {}\n", best.is_null() ? "none" : PointName(best));
  text += "Pareto: no other setting has as few bits and a better SNR. Rates are of drawn noise.\n";
  return text;
}

Picture FormatsForPicture(const Json& record) {
  Picture picture = {.title = "Formats against a budget",
                     .subtitle = fmt::format("{} tensors; at most {} of noise absorbed, SNR at "
                                             "least {:g} dB",
                                             record.at("tensors").size(),
                                             Percent(record.at("max_absorbed").get<double>()),
                                             record.at("min_snr_db").get<double>()),
                     .panels = {}};
  Chart chart = {.title = "",
                 .x = {.label = "bits of a stored weight"},
                 .y = {.label = "SNR in dB"},
                 .series = {{.name = "misses the budget", .mark = ChartMark::kPoints, .color = 6},
                            {.name = "meets it", .mark = ChartMark::kPoints, .color = 2},
                            {.name = "Pareto set", .mark = ChartMark::kLine, .color = 1}}};
  double widest = 0;
  for (const Json& point : record.at("model")) {
    const double width = point.at("width").get<double>();
    const double snr = NumberFrom(point.at("snr_db"));
    widest = std::max(widest, width);
    chart.series[point.at("meets").get<bool>() ? 1 : 0].points.push_back({width, snr});
    if (point.at("pareto").get<bool>()) chart.series[2].points.push_back({width, snr});
  }
  std::ranges::sort(chart.series[2].points, {}, &ChartPoint::x);
  chart.x.low = 0;
  chart.x.high = widest + 2;
  picture.panels.push_back(std::move(chart));
  return picture;
}

}  // namespace ulproof::cli
