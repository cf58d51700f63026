// SPDX-License-Identifier: Apache-2.0
#include "cli/report/training_report.h"

#include <fmt/format.h>

namespace ulproof::cli {

Picture TrainPicture(const Json& record) {
  Chart chart = {.title = "", .x = {.label = "step"}, .y = {.label = "loss, nats a token"}};
  ChartSeries train = {.name = "training"}, validation = {.name = "held out"};
  Chart bits = {.title = "", .x = {.label = "step"}, .y = {.label = "mean b"}};
  ChartSeries mean_bits = {.name = ""};
  for (const Json& line : record.at("curve")) {
    const double step = NumberFrom(line.at("step"));
    train.points.push_back({step, NumberFrom(line.at("loss"))});
    validation.points.push_back({step, NumberFrom(line.at("validation_loss"))});
    if (line.contains("mean_bits")) {
      mean_bits.points.push_back({step, NumberFrom(line.at("mean_bits"))});
    }
  }
  chart.series = {train, validation};
  Picture picture = {.title = fmt::format("{}, {}", record.at("preset").get<std::string>(),
                                          record.at("method").get<std::string>()),
                     .subtitle = record.at("corpus").get<std::string>(),
                     .panels = {chart}};
  if (!mean_bits.points.empty()) {
    bits.series = {mean_bits};
    picture.panels.push_back(bits);
  }
  return picture;
}

namespace {

// A method by its first word, what else it quantises or learns from, and its mean b:
// "statqat 2.00", "gdnsq distilled 2.00".
std::string ShortName(const Json& method) {
  const std::string name = method.at("method").get<std::string>();
  std::string word = name.substr(0, name.find(','));
  if (name.find(",act=") != std::string::npos) word += " act";
  if (name.find(",distill=") != std::string::npos) word += " distilled";
  if (!method.contains("mean_bits")) return word;
  return fmt::format("{} {:.2f}", word, NumberFrom(method.at("mean_bits")));
}

// Held-out losses less the baseline's, with their intervals, and the margin as two lines. Of a
// method with a b, the quantised weights count: its master weights are not what it is for.
Chart DifferenceChart(const Json& parity) {
  Chart chart = {.title = "held-out loss less the baseline's, 95 % confidence, margin",
                 .x = {.label = "method and mean b", .categories = {}},
                 .y = {.label = "nats a token"}};
  ChartSeries differences = {.name = "", .mark = ChartMark::kPoints};
  for (const Json& method : parity.at("methods")) {
    if (method.at("method") == method.at("baseline")) continue;
    const auto x = static_cast<double>(chart.x.categories.size());
    const Json& difference = method.contains("quantised") ? method.at("quantised") : method;
    differences.points.push_back(
        {x, NumberFrom(difference.at("difference")), NumberFrom(difference.at("half_width"))});
    chart.x.categories.push_back(ShortName(method));
  }
  chart.series = {differences};
  for (const double sign : {1.0, -1.0}) {
    const double y = sign * NumberFrom(parity.at("margin"));
    const double last = static_cast<double>(differences.points.size()) - 1;
    chart.series.push_back(
        {.name = "", .points = {{-0.5, y}, {last + 0.5, y}}, .color = 6, .dashed = true});
  }
  return chart;
}

}  // namespace

Picture ParityPicture(const Json& record) {
  Chart chart = {.title = "training loss, mean over seeds",
                 .x = {.label = "part of the run", .is_percent = true},
                 .y = {.label = "nats a token"}};
  for (const Json& method : record.at("method_parity").at("methods")) {
    ChartSeries series = {.name = method.at("method").get<std::string>()};
    const Json& curve = method.at("curve");
    for (std::size_t i = 0; i < curve.size(); ++i) {
      series.points.push_back({(static_cast<double>(i) + 0.5) / static_cast<double>(curve.size()),
                               NumberFrom(curve[i])});
    }
    chart.series.push_back(series);
  }
  Picture picture = {.title = "Method parity, " + record.at("preset").get<std::string>(),
                     .subtitle = record.at("corpus").get<std::string>()};
  // One seed has no interval.
  const Json& parity = record.at("method_parity");
  if (parity.at("seeds") > 1 && parity.at("methods").size() > 1) {
    picture.panels.push_back(DifferenceChart(parity));
  }
  picture.panels.push_back(chart);
  return picture;
}

}  // namespace ulproof::cli
