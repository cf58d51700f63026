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
  return {.title = "Method parity, " + record.at("preset").get<std::string>(),
          .subtitle = record.at("corpus").get<std::string>(),
          .panels = {chart}};
}

}  // namespace ulproof::cli
