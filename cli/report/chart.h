// SPDX-License-Identifier: Apache-2.0
// Pictures as data: axes, series and panels, nothing about pixels. A report first says what is to
// be seen; RenderSvg then draws every picture of the project in one look.
#ifndef ULPROOF_CLI_REPORT_CHART_H_
#define ULPROOF_CLI_REPORT_CHART_H_

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ulproof::cli {

struct ChartPoint {
  double x = 0;
  double y = 0;
  double error = 0;  // Half the length of an error bar; 0 draws none.
};

enum class ChartMark {
  kBars,    // From the axis to y; series of bars stand side by side.
  kLine,    // With a marker at each point. A point that is not finite breaks the line.
  kPoints,  // Markers alone.
};

struct ChartSeries {
  std::string name;  // In the legend; "" leaves it out.
  ChartMark mark = ChartMark::kLine;
  std::vector<ChartPoint> points = {};
  int color = -1;       // Number in the palette; -1 takes the series' own number.
  bool dashed = false;  // A line.
};

struct ChartAxis {
  std::string label = {};
  bool is_log = false;  // To base 10; values that are not positive are left out.
  bool is_percent = false;
  std::optional<double> low = {};            // Default: what the points need.
  std::optional<double> high = {};           //
  std::vector<std::string> categories = {};  // Names of the positions 0, 1, ...
};

struct Chart {
  std::string title = {};
  ChartAxis x = {};
  ChartAxis y = {};
  std::vector<ChartSeries> series = {};
};

struct Picture {
  std::string title;
  std::string subtitle = {};
  std::vector<Chart> panels = {};
  int columns = 1;  // Panels side by side.
};

// One SVG 1.1 document: no scripts, no network, text as text, a light and a dark dress by media
// query, the colour-blind safe palette of Okabe and Ito. The same picture gives the same bytes.
// `id` begins the ids of its elements: pictures in one page need different ones.
std::string RenderSvg(const Picture& picture, std::string_view id = "plot");

// Round numbers that divide [low, high] into about `count` parts. Log axes: powers of ten, with
// their 2 and 5 where the decades are few. Precondition: low < high; both positive on a log axis.
std::vector<double> ChartTicks(double low, double high, int count, bool is_log);

// "&", "<", ">" and quotes as entities, control characters as "?".
std::string XmlEscaped(std::string_view text);

}  // namespace ulproof::cli

#endif  // ULPROOF_CLI_REPORT_CHART_H_
