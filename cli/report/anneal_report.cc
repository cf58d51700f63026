// SPDX-License-Identifier: Apache-2.0
#include "cli/report/anneal_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "cli/report/terminal_text.h"

namespace ulproof::cli {
namespace {

// The name of a curve: what differs between the curves of this record.
std::string CurveName(const Json& record, const Json& curve) {
  std::string name;
  if (record.at("laws").size() > 1) name = curve.at("law").get<std::string>();
  if (record.at("formats").size() > 1 || name.empty()) {
    name += (name.empty() ? "" : " ") + curve.at("to").get<std::string>();
  }
  return name;
}

std::string OriginText(const Json& record) {
  const Json& weights = record.at("weights");
  const std::string block = record.at("block").get<std::string>();
  if (weights.at("kind") == "normal") {
    return fmt::format("weights: {} blocks of N(0, 1), {}, in bfloat16",
                       weights.at("blocks").get<std::uint64_t>(), block);
  }
  const auto one_in = weights.at("measured_one_in").get<std::uint64_t>();
  return fmt::format("weights: {} tensors of {}, blocks of {}{}",
                     weights.at("tensors").get<std::uint64_t>(),
                     weights.at("file").get<std::string>(), block,
                     one_in == 1 ? "" : fmt::format(", one piece in {}", one_in));
}

// "exact" where the law has an exact expectation, else "sampled".
const Json& Best(const Json& point) {
  return point.at("exact").is_null() ? point.at("sampled") : point.at("exact");
}

// A line of exact values with the sampled ones as points; a dashed line where nothing is exact.
void AddCurve(const Json& record, const Json& curve, const std::string& key, int color,
              Chart& chart) {
  ChartSeries line = {.name = CurveName(record, curve), .color = color};
  ChartSeries points = {.name = "", .mark = ChartMark::kPoints, .color = color};
  for (const Json& point : curve.at("points")) {
    const double b = point.at("bits").get<double>();
    line.dashed = point.at("exact").is_null();
    line.points.push_back({b, NumberFrom(Best(point).at(key))});
    points.points.push_back({b, NumberFrom(point.at("sampled").at(key))});
  }
  chart.series.push_back(std::move(line));
  chart.series.push_back(std::move(points));
}

// The surviving bits of the first curve, one line a bitwidth; a few of them, evenly.
void AddBinades(const Json& curve, Chart& chart) {
  constexpr std::size_t kMaxLines = 6;
  const Json& points = curve.at("points");
  const std::size_t step = (points.size() + kMaxLines - 1) / kMaxLines;
  int color = 0;
  for (std::size_t i = 0; i < points.size(); i += step) {
    ChartSeries line = {.name = fmt::format("b = {:g}", points[i].at("bits").get<double>()),
                        .color = color++};
    for (const Json& binade : points[i].at("below_max")) {
      line.points.push_back(
          {binade.at("binade").get<double>(), NumberFrom(binade.at("surviving_bits"))});
    }
    chart.series.push_back(std::move(line));
  }
}

}  // namespace

std::string AnnealText(const Json& record) {
  std::string text = OriginText(record) + '\n';
  for (const Json& curve : record.at("curves")) {
    text +=
        fmt::format("\n{} to {}: R = 0 with probability {}\n", curve.at("law").get<std::string>(),
                    curve.at("to").get<std::string>(), Short(curve.at("intact").get<double>()));
    text += fmt::format("  {:>5} {:>7} {:>10} {:>10} {:>10} {:>10} {:>10} {:>9}\n", "step", "b",
                        "unchanged", "absorbed", "bits", "variance", "bias", "sampled");
    for (const Json& point : curve.at("points")) {
      const Json& best = Best(point);
      text += fmt::format("  {:>5} {:>7.4g} {:>10} {:>10} {:>10.3f} {:>10.4f} {:>10} {:>9}\n",
                          point.at("step").get<std::uint64_t>(), point.at("bits").get<double>(),
                          Percent(NumberFrom(best.at("unchanged"))),
                          Percent(NumberFrom(best.at("absorbed"))),
                          NumberFrom(best.at("effective_bits")),
                          NumberFrom(best.at("variance_ratio")), Short(NumberFrom(best.at("bias"))),
                          Percent(NumberFrom(point.at("sampled").at("absorbed"))));
    }
  }
  text +=
      "\nunchanged: sampled = cast(w), of all; absorbed: of the elements with noise; bits: log2 "
      "of\n"
      "rms weight over rms error; variance: of the error, 1 being that of R s alone; bias in rms "
      "s.\n"
      "Values are exact over R where the law has whole R, and sampled for uniform and normal2;\n"
      "the last column is the drawn share absorbed.\n";
  return text;
}

Picture AnnealPicture(const Json& record, std::string_view panel) {
  Chart absorbed = {.title = "Noise absorbed by rounding",
                    .x = {.label = "bitwidth b"},
                    .y = {.label = "share of noise", .is_percent = true, .low = 0, .high = 1},
                    .series = {}};
  Chart precision = {.title = "Effective precision",
                     .x = {.label = "bitwidth b"},
                     .y = {.label = "log2 (rms w / rms error), bits"},
                     .series = {}};
  Chart variance = {.title = "Variance of the error, against that of the noise alone",
                    .x = {.label = "bitwidth b"},
                    .y = {.label = "ratio", .low = 0},
                    .series = {}};
  Chart binades = {.title = "",
                   .x = {.label = "binades below the block's maximum"},
                   .y = {.label = "bits that survive noise"},
                   .series = {}};
  int color = 0;
  for (const Json& curve : record.at("curves")) {
    AddCurve(record, curve, "absorbed", color, absorbed);
    AddCurve(record, curve, "effective_bits", color, precision);
    AddCurve(record, curve, "variance_ratio", color, variance);
    ++color;
  }
  for (const ChartSeries& series : variance.series) {
    for (const ChartPoint& point : series.points) {
      if (point.y > 10) variance.y = {.label = "ratio", .is_log = true};
    }
  }
  const Json& first = record.at("curves").at(0);
  binades.title = fmt::format("Surviving bits ({} to {})", first.at("law").get<std::string>(),
                              first.at("to").get<std::string>());
  AddBinades(first, binades);
  Picture picture = {.title = "Gaussian weight noise along the bitwidth",
                     .subtitle = OriginText(record) + "; lines: exact over R, points: drawn",
                     .panels = {},
                     .columns = 2};
  if (panel.empty()) {
    picture.panels = {std::move(absorbed), std::move(precision), std::move(variance),
                      std::move(binades)};
    return picture;
  }
  picture.columns = 1;
  picture.panels = {std::move(panel == "absorbed"    ? absorbed
                              : panel == "precision" ? precision
                              : panel == "variance"  ? variance
                                                     : binades)};
  picture.title = picture.panels[0].title;
  picture.panels[0].title.clear();
  return picture;
}

}  // namespace ulproof::cli
