// SPDX-License-Identifier: Apache-2.0
#include "cli/report/hist_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "cli/report/terminal_text.h"

namespace ulproof::cli {
namespace {

// How many standard deviations the count of a class lies above its expectation.
double Deviation(const Json& entry, double count) {
  const double p = entry.at("probability").get<double>();
  const double sigma = std::sqrt(count * p * (1 - p));
  const double difference = entry.at("count").get<double>() - count * p;
  return sigma > 0 ? difference / sigma : difference == 0 ? 0 : INFINITY;
}

std::string BarText(double rate, double exact, double largest, int width) {
  const auto cells = [&](double x) {
    return static_cast<std::size_t>(std::lround(x / largest * width));
  };
  std::string bar(cells(rate), '#');
  const std::size_t mark = cells(exact);
  if (bar.size() <= mark) bar.resize(mark + 1, ' ');
  bar[mark] = '|';  // The exact law, over the bar.
  return bar;
}

std::string LawText(const Json& law, double count, int columns, bool use_color) {
  std::string text = fmt::format("{} on {}\n", law.at("law").get<std::string>(),
                                 law.at("backend").get<std::string>());
  text +=
      fmt::format("  {:>16} {:>14} {:>11} {:>11} {:>6}\n", "R", "count", "observed", "exact", "z");
  double largest = 1e-300;
  for (const Json& entry : law.at("classes")) {
    largest = std::max(
        {largest, entry.at("probability").get<double>(), entry.at("count").get<double>() / count});
  }
  for (const Json& entry : law.at("classes")) {
    const double rate = entry.at("count").get<double>() / count;
    const double exact = entry.at("probability").get<double>();
    text += fmt::format("  {:>16} {:>14} {:>11} {:>11} {:>+6.2f} ",
                        entry.at("label").get<std::string>(),
                        Grouped(entry.at("count").get<std::uint64_t>()), Short(rate), Short(exact),
                        Deviation(entry, count));
    if (const int width = columns - 67; width >= 8) {
      text += BarText(rate, exact, largest, std::min(width, 60));
    }
    text += '\n';
  }
  const Json& chi = law.at("chi_square");
  text += fmt::format("  chi-square {:.2f} with {} degrees of freedom, p = {}\n",
                      NumberFrom(chi.at("statistic")), chi.at("degrees_of_freedom").get<int>(),
                      Short(NumberFrom(chi.at("p_value"))));
  text += fmt::format("  total variation of the counts {}\n",
                      Short(law.at("total_variation").get<double>()));
  text +=
      fmt::format("  mean {} (z {:+.2f}); variance {}, of the law {} (z {:+.2f})\n",
                  Short(law.at("mean").get<double>()), law.at("mean_z").get<double>(),
                  Short(law.at("variance").get<double>()),
                  Short(law.at("law_variance").get<double>()), law.at("variance_z").get<double>());
  const Json& battery = law.at("battery");
  text += fmt::format("  {} tests of lanes and lags on the first {} elements, least p = {}\n",
                      battery.at("tests").get<int>(),
                      Grouped(battery.at("elements").get<std::uint64_t>()),
                      Short(battery.at("least_p_value").get<double>()));
  for (const Json& failure : battery.at("failures")) {
    text += fmt::format("    {}: p = {}\n", failure.at("test").get<std::string>(),
                        Short(NumberFrom(failure.at("p_value"))));
  }
  const bool pass = law.at("verdict") == "pass";
  const std::string_view word = pass ? "the law holds" : "THE LAW DOES NOT HOLD";
  text += use_color ? fmt::format("  \033[{}m{}\033[0m\n", pass ? "32" : "1;31", word)
                    : fmt::format("  {}\n", word);
  return text;
}

}  // namespace

std::string HistText(const Json& record, int columns, bool use_color) {
  std::string text =
      fmt::format("{} elements of each law, seed {}, stream {}; | marks the exact law\n",
                  Grouped(record.at("count").get<std::uint64_t>()),
                  record.at("seed").get<std::uint64_t>(), record.at("stream").get<std::uint64_t>());
  for (const Json& law : record.at("laws")) {
    text += '\n' + LawText(law, record.at("count").get<double>(), columns, use_color);
  }
  return text;
}

Picture HistPicture(const Json& record) {
  const double count = record.at("count").get<double>();
  Picture picture = {
      .title = "Noise against its exact law",
      .subtitle = fmt::format("{} elements a law, seed {}, stream {}; error bars are two standard "
                              "deviations of the observed rate",
                              Grouped(record.at("count").get<std::uint64_t>()),
                              record.at("seed").get<std::uint64_t>(),
                              record.at("stream").get<std::uint64_t>()),
      .panels = {},
      .columns = 2};
  for (const Json& law : record.at("laws")) {
    const std::string name = law.at("law").get<std::string>();
    Chart rates = {.title = name + ": share of elements",
                   .x = {.label = "R", .categories = {}},
                   .y = {.label = "share", .is_log = name != "uniform"},
                   .series = {{.name = "observed", .mark = ChartMark::kBars, .color = 0},
                              {.name = "exact law", .mark = ChartMark::kPoints, .color = 1}}};
    Chart deviations = {.title = name + ": observed minus exact law",
                        .x = {.label = "R", .categories = {}},
                        .y = {.label = "standard deviations", .low = -5, .high = 5},
                        .series = {{.name = "", .mark = ChartMark::kBars, .color = 0}}};
    double x = 0;
    for (const Json& entry : law.at("classes")) {
      const double rate = entry.at("count").get<double>() / count;
      rates.series[0].points.push_back({x, rate, 2 * std::sqrt(rate * (1 - rate) / count)});
      rates.series[1].points.push_back({x, entry.at("probability").get<double>()});
      deviations.series[0].points.push_back({x, Deviation(entry, count)});
      rates.x.categories.push_back(entry.at("tick").get<std::string>());
      ++x;
    }
    deviations.x.categories = rates.x.categories;
    picture.panels.push_back(std::move(rates));
    picture.panels.push_back(std::move(deviations));
  }
  return picture;
}

}  // namespace ulproof::cli
