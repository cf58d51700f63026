// SPDX-License-Identifier: Apache-2.0
#include "cli/report/quantizer_report.h"

#include <fmt/format.h>

#include <cmath>

#include "cli/report/terminal_text.h"

namespace ulproof::cli {
namespace {

// Numbers of these records are decimal texts, so that no digit is lost.
std::string TextOf(const Json& row, const char* key) {
  return row.contains(key) ? row.at(key).get<std::string>() : "-";
}
double ValueOf(const std::string& text) { return std::stod(text); }

std::string DistName(const Json& dist) {
  if (dist.contains("law")) return dist.at("law").get<std::string>() + " weights of deviation 1";
  return fmt::format("{} weights of {}, root mean square {}",
                     Grouped(dist.at("weights").get<std::uint64_t>()),
                     dist.at("file").get<std::string>(), Short(dist.at("deviation").get<double>()));
}

std::string MinimaText(const Json& row) {
  if (!row.contains("minima")) return "";
  const auto count = row.at("minima_count").get<std::size_t>();
  std::string text =
      fmt::format("{}: {} local {} of the error over {}; the best one is number {}\n",
                  row.at("format").get<std::string>(), count, count == 1 ? "minimum" : "minima",
                  row.at("all_scales").get<bool>() ? "all scales" : "the range of scales",
                  row.at("best").get<std::size_t>() + 1);
  if (count == 1) return text;
  std::size_t number = 0;
  for (const Json& minimum : row.at("minima")) {
    text += fmt::format("  {:>3}  scale {}", ++number, TextOf(minimum, "scale"));
    text += fmt::format("  SNR {} dB", TextOf(minimum, "snr_db"));
    if (minimum.contains("rate")) {
      text += fmt::format("  rate {}", Short(ValueOf(TextOf(minimum, "rate"))));
    }
    text += '\n';
  }
  if (number < count) text += fmt::format("  and {} more\n", count - number);
  return text;
}

}  // namespace

std::string QuantizerSnrText(const Json& record) {
  std::size_t width = 9;
  for (const Json& row : record.at("rows")) {
    for (const char* key : {"scale", "clip", "mse", "granular", "clipping", "snr_db"}) {
      width = std::max(width, TextOf(row, key).size());
    }
  }
  std::string text = DistName(record.at("dist")) +
                     "; errors relative to the signal; clip = scale times the largest value\n";
  text +=
      fmt::format("  {:<16} {:>{w}} {:>{w}} {:>{w}} {:>{w}} {:>{w}} {:>{w}}\n", "format", "SNR dB",
                  "mse", "granular", "clipping", "scale", "clip", fmt::arg("w", width));
  for (const Json& row : record.at("rows")) {
    text += fmt::format("  {:<16} {:>{w}} {:>{w}} {:>{w}} {:>{w}} {:>{w}} {:>{w}}\n",
                        row.at("format").get<std::string>(), TextOf(row, "snr_db"),
                        TextOf(row, "mse"), TextOf(row, "granular"), TextOf(row, "clipping"),
                        TextOf(row, "scale"), TextOf(row, "clip"), fmt::arg("w", width));
  }
  // Lists of minima are for the few formats that are looked at closely.
  constexpr std::size_t kRowsWithMinima = 4;
  const bool lists_minima = record.at("rows").size() <= kRowsWithMinima;
  for (const Json& row : record.at("rows")) {
    if (row.contains("rule")) {
      text += fmt::format("{}: groups of {}, scale rule {}\n", row.at("format").get<std::string>(),
                          row.at("group").get<int>(), row.at("rule").get<std::string>());
    }
    if (lists_minima) text += MinimaText(row);
  }
  return text;
}

Picture QuantizerSnrPicture(const Json& record) {
  Chart chart = {.title = "",
                 .x = {.label = "clip: scale times the largest value, in deviations",
                       .is_log = true,
                       .categories = {}},
                 .y = {.label = "SNR in dB", .categories = {}}};
  const double deviation = record.at("dist").at("deviation").get<double>();
  int color = 0;
  ChartSeries best = {.name = "best scale", .mark = ChartMark::kPoints, .color = 7};
  for (const Json& row : record.at("rows")) {
    if (!row.contains("curve")) continue;
    const double reach = ValueOf(TextOf(row, "reach")) / deviation;
    ChartSeries curve = {
        .name = row.at("format").get<std::string>(), .mark = ChartMark::kLine, .color = color++};
    for (const Json& point : row.at("curve")) {
      curve.points.push_back({point[0].get<double>() * reach, point[1].get<double>()});
    }
    if (row.contains("minima")) {
      best.points.push_back(
          {ValueOf(TextOf(row, "clip")) / deviation, ValueOf(TextOf(row, "snr_db"))});
    }
    chart.series.push_back(std::move(curve));
  }
  if (!best.points.empty()) chart.series.push_back(std::move(best));
  return {.title = "Exact signal to noise ratio over the scale",
          .subtitle = DistName(record.at("dist")),
          .panels = {std::move(chart)}};
}

std::string QuantizerCrossoverText(const Json& record) {
  std::string text = fmt::format(
      "{} weights of deviation 1: SNR in dB of the best scale in deviations (analytic), and\n"
      "expected of the scale from the largest of a group (absmax)\n",
      record.at("law").get<std::string>());
  text += fmt::format("  {:<16} {:>9} {:>9} {:>9} {:>9} {:>9} {:>9}  {}\n", "format", "analytic",
                      "of 16", "of 32", "of 128", "of 1024", "of 2^20", "absmax wins in groups of");
  for (const Json& row : record.at("rows")) {
    const auto snr = [&](std::size_t group_bits) {
      return ValueOf(TextOf(row.at("absmax").at(group_bits - 1), "snr_db"));
    };
    const Json& last = row.at("absmax_wins_up_to");
    text += fmt::format("  {:<16} {:>9.4f} {:>9.4f} {:>9.4f} {:>9.4f} {:>9.4f} {:>9.4f}  {}\n",
                        row.at("format").get<std::string>(),
                        ValueOf(TextOf(row.at("analytic"), "snr_db")), snr(4), snr(5), snr(7),
                        snr(10), snr(20),
                        last.is_null() ? "all sizes up to 2^20"
                                       : fmt::format("up to {}", last.get<std::uint64_t>()));
  }
  return text;
}

Picture QuantizerCrossoverPicture(const Json& record) {
  Chart chart = {.title = "",
                 .x = {.label = "weights in a group", .is_log = true, .categories = {}},
                 .y = {.label = "SNR in dB", .categories = {}}};
  int color = 0;
  for (const Json& row : record.at("rows")) {
    const std::string name = row.at("format").get<std::string>();
    ChartSeries absmax = {.name = name, .mark = ChartMark::kLine, .color = color};
    ChartSeries analytic = {.name = "", .mark = ChartMark::kLine, .color = color++, .dashed = true};
    const double level = ValueOf(TextOf(row.at("analytic"), "snr_db"));
    for (const Json& point : row.at("absmax")) {
      const auto group = static_cast<double>(point.at("group").get<std::uint64_t>());
      absmax.points.push_back({group, ValueOf(TextOf(point, "snr_db"))});
      if (analytic.points.size() < 2) analytic.points.push_back({group, level});
      analytic.points.back().x = group;
    }
    chart.series.push_back(std::move(absmax));
    chart.series.push_back(std::move(analytic));
  }
  return {.title = "Absmax of a group against the best scale in deviations",
          .subtitle = record.at("law").get<std::string>() +
                      " weights; expected SNR of absmax; dashed: the best scale in deviations",
          .panels = {std::move(chart)}};
}

}  // namespace ulproof::cli
