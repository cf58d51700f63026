// SPDX-License-Identifier: Apache-2.0
#include "cli/report/underflow_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "cli/measure.h"
#include "cli/report/terminal_text.h"

namespace ulproof::cli {
namespace {

double Count(const Json& counts, std::string_view key) {
  return counts.at(std::string(key)).get<double>();
}

// Of what a counter's rate is a share.
double Base(const Json& counts, const CountedEvent& event) {
  return event.of_noise ? Count(counts, "noisy")
                        : Count(counts, "elements") - Count(counts, "non_finite");
}

double Rate(const Json& result, const CountedEvent& event) {
  return Count(result, event.name) / Base(result, event);
}

double ExpectedRate(const Json& result, const CountedEvent& event) {
  const Json& expected = result.at("expected");
  if (expected.is_null() || expected.at(std::string(event.name)).is_null()) return NAN;
  return Count(expected, event.name) /
         (event.of_noise ? Count(expected, "noisy") : Base(result, event));
}

const CountedEvent& EventNamed(std::string_view name) {
  return *std::ranges::find(kCountedEvents, name, &CountedEvent::name);
}

std::string SettingName(const Json& setting) {
  return fmt::format("{} b={:g}", setting.at("to").get<std::string>(),
                     setting.at("bits").get<double>());
}

// A name in its column: its end says more than its beginning.
std::string Fitted(const std::string& name, std::size_t width) {
  const std::string text = Printable(name);
  if (text.size() <= width) return text;
  std::size_t begin = text.size() - (width - 2);
  while (begin < text.size() && (static_cast<unsigned char>(text[begin]) & 0xC0) == 0x80) ++begin;
  return ".." + text.substr(begin);
}

// What a row holds: as much as fits its terminal.
struct Columns {
  std::size_t name;
  std::vector<std::string_view> events;
};
Columns ColumnsFor(const Json& tensors, int columns) {
  constexpr int kFixed = 28;  // absorbed, expected, SNR and the blanks around them
  constexpr int kEvent = 11;
  constexpr int kLeastName = 14;
  std::size_t name = 6;
  for (const Json& tensor : tensors) {
    name = std::max(name, tensor.at("name").get_ref<const std::string&>().size());
  }
  Columns result;
  int room = columns - kFixed - std::min<int>(kLeastName, static_cast<int>(name));
  for (const std::string_view event : {"swamped", "flushed", "exact", "subnormal", "saturated"}) {
    if (room < kEvent) break;
    room -= kEvent;
    result.events.push_back(event);
  }
  result.name =
      std::min<std::size_t>(name, kLeastName + static_cast<std::size_t>(std::max(room, 0)));
  return result;
}

std::string RowText(const std::string& name, const Columns& columns, const Json& result,
                    bool use_color) {
  const CountedEvent& absorbed = EventNamed("absorbed");
  std::string text =
      fmt::format("  {:<{}} {:>8} {:>8}", Fitted(name, columns.name), columns.name,
                  Percent(Rate(result, absorbed)), Percent(ExpectedRate(result, absorbed)));
  for (const std::string_view event : columns.events) {
    text += fmt::format(" {:>10}", Percent(Rate(result, EventNamed(event))));
  }
  const double snr = NumberFrom(result.at("snr_db"));
  text += std::isfinite(snr) ? fmt::format(" {:>6.2f}", snr) : fmt::format(" {:>6}", "n/a");
  if (!result.at("agrees").get<bool>()) {
    text += use_color ? " \033[1;31mDISAGREES\033[0m" : " DISAGREES";
  }
  return text + '\n';
}

double SortKey(const Json& result, const std::string& sort) {
  const double key =
      sort == "snr" ? -NumberFrom(result.at("snr_db")) : Rate(result, EventNamed(sort));
  return std::isnan(key) ? -INFINITY : key;
}

}  // namespace

std::string UnderflowText(const Json& record, const UnderflowView& view) {
  const Json& settings = record.at("settings");
  const Json& tensors = record.at("tensors");
  const Columns columns = ColumnsFor(tensors, view.columns);
  std::string text;
  for (std::size_t i = 0; i < settings.size(); ++i) {
    text += fmt::format(
        "{}, law {}, blocks of {}, {} {}\n", SettingName(settings[i]),
        record.at("law").get<std::string>(), settings[i].at("block").get<std::string>(),
        record.at("round").get<std::string>(), record.at("overflow").get<std::string>());
    text += fmt::format("  {:<{}} {:>8} {:>8}", "tensor", columns.name, "absorbed", "expected");
    for (const std::string_view event : columns.events) text += fmt::format(" {:>10}", event);
    text += fmt::format(" {:>6}\n", "SNR dB");
    std::vector<const Json*> order;
    for (const Json& tensor : tensors) order.push_back(&tensor);
    if (view.sort != "name") {
      std::ranges::stable_sort(order, std::greater(), [&](const Json* tensor) {
        return SortKey(tensor->at("results").at(i), view.sort);
      });
    }
    if (view.top > 0 && order.size() > view.top) order.resize(view.top);
    for (const Json* tensor : order) {
      text += RowText(tensor->at("name").get<std::string>(), columns, tensor->at("results").at(i),
                      view.use_color);
    }
    if (order.size() < tensors.size()) {
      text += fmt::format("  ... and {} more\n", tensors.size() - order.size());
    }
    text += RowText("total", columns, record.at("total").at(i), view.use_color) + '\n';
  }
  for (const Json& tensor : tensors) {
    if (const auto bad = tensor.at("non_finite_weights").get<std::uint64_t>(); bad > 0) {
      text += fmt::format("{}: {} NaNs and infinities\n",
                          io::QuotedName(tensor.at("name").get<std::string>()), Grouped(bad));
    }
  }
  std::map<std::string, std::uint64_t> skipped;
  for (const Json& tensor : record.at("skipped")) ++skipped[tensor.at("why").get<std::string>()];
  for (const auto& [why, count] : skipped) {
    text += fmt::format("skipped {} tensor{}: {}\n", count, count == 1 ? "" : "s", why);
  }
  text += "absorbed and swamped are shares of the elements with noise, the others of all.\n";
  if (record.at("verdict") == "fail") {
    text += "An observed count lies further from its expectation than chance explains.\n";
  }
  return text;
}

std::string UnderflowCsv(const Json& record) {
  std::string text = "file,tensor,dtype,to,bits,block,elements,non_finite,noisy";
  for (const CountedEvent& event : kCountedEvents) text += fmt::format(",{}", event.name);
  for (const CountedEvent& event : kCountedEvents) text += fmt::format(",expected_{}", event.name);
  text += ",snr_db,agrees\n";
  for (const Json& tensor : record.at("tensors")) {
    for (std::size_t i = 0; i < record.at("settings").size(); ++i) {
      const Json& setting = record.at("settings")[i];
      const Json& result = tensor.at("results").at(i);
      text +=
          fmt::format("{},{},{},{},{:g},{}", CsvField(tensor.at("file").get<std::string>()),
                      CsvField(tensor.at("name").get<std::string>()),
                      tensor.at("dtype").get<std::string>(), setting.at("to").get<std::string>(),
                      setting.at("bits").get<double>(), setting.at("block").get<std::string>());
      for (const std::string_view key : {"elements", "non_finite", "noisy"}) {
        text += fmt::format(",{}", result.at(std::string(key)).get<std::uint64_t>());
      }
      for (const CountedEvent& event : kCountedEvents) {
        text += fmt::format(",{}", result.at(std::string(event.name)).get<std::uint64_t>());
      }
      const Json& expected = result.at("expected");
      for (const CountedEvent& event : kCountedEvents) {
        const bool known = !expected.is_null() && !expected.at(std::string(event.name)).is_null();
        text += known ? fmt::format(",{:.6f}", Count(expected, event.name)) : ",";
      }
      const double snr = NumberFrom(result.at("snr_db"));
      text += std::isfinite(snr) ? fmt::format(",{:.4f}", snr) : ",";
      text += result.at("agrees").get<bool>() ? ",1\n" : ",0\n";
    }
  }
  return text;
}

Picture UnderflowPicture(const Json& record) {
  constexpr std::size_t kMaxLines = 7;   // As many as there are colours.
  constexpr double kLeastElements = 30;  // Fewer say nothing about a rate.
  const Json& settings = record.at("settings");
  Picture picture = {
      .title = "What noise and format do to the weights",
      .subtitle =
          fmt::format("{} tensors, {} elements; law {}, seed {}", record.at("tensors").size(),
                      Grouped(record.at("total").at(0).at("elements").get<std::uint64_t>()),
                      record.at("law").get<std::string>(), record.at("seed").get<std::uint64_t>()),
      .panels = {},
      .columns = 2};
  Chart absorbed = {.title = "Noise absorbed (points: observed, lines: exact)",
                    .x = {.label = "binades below the block's maximum"},
                    .y = {.label = "share of noise", .is_percent = true, .low = 0, .high = 1},
                    .series = {}};
  Chart weights = {.title = "Where the weights are",
                   .x = {.label = "binades below the block's maximum"},
                   .y = {.label = "share of weights", .is_percent = true, .low = 0},
                   .series = {{.name = "", .mark = ChartMark::kBars, .color = 0}}};
  Chart events = {.title = "Events, as shares of all weights",
                  .x = {.label = "", .categories = {}},
                  .y = {.label = "share of weights", .is_percent = true, .low = 0},
                  .series = {}};
  Chart snr = {.title = "Signal to noise",
               .x = {.label = "bitwidth b"},
               .y = {.label = "SNR in dB"},
               .series = {}};
  std::vector<const CountedEvent*> shown;
  for (const CountedEvent& event : kCountedEvents) {
    const bool happened = std::ranges::any_of(
        record.at("total"), [&](const Json& total) { return Count(total, event.name) > 0; });
    if (!happened || event.name == "exact") continue;
    shown.push_back(&event);
    events.x.categories.emplace_back(event.name);
  }
  for (std::size_t i = 0; i < std::min(settings.size(), kMaxLines); ++i) {
    const Json& total = record.at("total").at(i);
    const int color = static_cast<int>(i);
    ChartSeries exact = {.name = SettingName(settings[i]), .color = color};
    ChartSeries observed = {.name = "", .mark = ChartMark::kPoints, .color = color};
    for (const Json& binade : total.at("below_max")) {
      const double k = binade.at("binade").get<double>();
      const double noisy = binade.at("noisy").get<double>();
      if (noisy >= kLeastElements)
        observed.points.push_back({k, binade.at("absorbed").get<double>() / noisy});
      if (binade.contains("expected_absorbed") && binade.at("expected_noisy") >= kLeastElements) {
        exact.points.push_back({k, binade.at("expected_absorbed").get<double>() /
                                       binade.at("expected_noisy").get<double>()});
      }
      if (i == 0) {
        weights.series[0].points.push_back(
            {k, binade.at("elements").get<double>() / Count(total, "elements")});
      }
    }
    absorbed.series.push_back(std::move(exact));
    absorbed.series.push_back(std::move(observed));
    ChartSeries bars = {.name = SettingName(settings[i]), .mark = ChartMark::kBars, .color = color};
    for (std::size_t e = 0; e < shown.size(); ++e) {
      bars.points.push_back(
          {static_cast<double>(e),
           Count(total, shown[e]->name) / (Count(total, "elements") - Count(total, "non_finite"))});
    }
    events.series.push_back(std::move(bars));
  }
  for (std::size_t i = 0; i < settings.size(); ++i) {
    const std::string to = settings[i].at("to").get<std::string>();
    auto line = std::ranges::find(snr.series, to, &ChartSeries::name);
    if (line == snr.series.end()) {
      line = snr.series.insert(line, ChartSeries{.name = to, .points = {}});
    }
    line->points.push_back(
        {settings[i].at("bits").get<double>(), NumberFrom(record.at("total").at(i).at("snr_db"))});
  }
  for (ChartSeries& line : snr.series) std::ranges::sort(line.points, {}, &ChartPoint::x);
  picture.panels = {std::move(absorbed), std::move(weights), std::move(events), std::move(snr)};
  return picture;
}

}  // namespace ulproof::cli
