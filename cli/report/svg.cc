// SPDX-License-Identifier: Apache-2.0
// The one place that knows how our pictures look. Coordinates are SVG user units (CSS pixels), y
// downward; a panel is its title, its legend and its plot, and a picture is panels in a grid.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <string_view>

#include "cli/report/chart.h"

namespace ulproof::cli {
namespace {

constexpr std::string_view kStyle =
    "text{font-family:system-ui,-apple-system,'Segoe UI','DejaVu Sans',sans-serif;font-size:12px;"
    "fill:#24292f}"
    ".title{font-size:17px;font-weight:600}.sub{fill:#57606a}.panel{font-size:14px;"
    "font-weight:600}.tick{font-size:11px;fill:#57606a}"
    ".paper{fill:#ffffff}.grid{stroke:#d8dee4;fill:none}.axis{stroke:#57606a;fill:none}"
    ".line{fill:none;stroke-width:2;stroke-linejoin:round}.error{fill:none;stroke:#24292f}"
    ".dashed{stroke-dasharray:6 4}.bar{stroke:none}"
    // Okabe and Ito, https://jfly.uni-koeln.de/color/
    ".f0{fill:#0072b2}.l0{stroke:#0072b2}.f1{fill:#d55e00}.l1{stroke:#d55e00}"
    ".f2{fill:#009e73}.l2{stroke:#009e73}.f3{fill:#cc79a7}.l3{stroke:#cc79a7}"
    ".f4{fill:#e69f00}.l4{stroke:#e69f00}.f5{fill:#56b4e9}.l5{stroke:#56b4e9}"
    ".f6{fill:#6e7781}.l6{stroke:#6e7781}"
    "@media (prefers-color-scheme:dark){text{fill:#e6edf3}.sub,.tick{fill:#9da7b3}"
    ".paper{fill:#0d1117}.grid{stroke:#30363d}.axis{stroke:#9da7b3}.error{stroke:#e6edf3}"
    ".f0{fill:#56b4e9}.l0{stroke:#56b4e9}.f1{fill:#ff8533}.l1{stroke:#ff8533}"
    ".f2{fill:#2bc49a}.l2{stroke:#2bc49a}.f3{fill:#e29bc3}.l3{stroke:#e29bc3}"
    ".f4{fill:#f0c04a}.l4{stroke:#f0c04a}.f5{fill:#f0e442}.l5{stroke:#f0e442}"
    ".f6{fill:#9da7b3}.l6{stroke:#9da7b3}}";
constexpr int kColors = 7;

constexpr double kMargin = 16;
constexpr double kPanelWidth = 720;      // Alone in its row;
constexpr double kHalfPanelWidth = 460;  // beside others.
constexpr double kPlotHeight = 300;
constexpr double kHalfPlotHeight = 230;
constexpr double kLegendRow = 20;
constexpr double kLetter = 6.7;  // Width of a letter at 12 px, about.
constexpr double kMarker = 3.5;

std::string Number(double x) {
  std::string text = fmt::format("{:.2f}", x);
  text.erase(text.find_last_not_of('0') + 1);
  if (text.ends_with('.')) text.pop_back();
  return text == "-0" ? "0" : text;
}

double TextWidth(std::string_view text) {
  // Continuation bytes of UTF-8 are no letters of their own.
  return kLetter * static_cast<double>(std::ranges::count_if(text, [](char c) {
           return (static_cast<unsigned char>(c) & 0xC0) != 0x80;
         }));
}

std::string Superscript(int number) {
  constexpr std::array<std::string_view, 10> kDigits = {"⁰", "¹", "²", "³", "⁴",
                                                        "⁵", "⁶", "⁷", "⁸", "⁹"};
  std::string text = number < 0 ? "⁻" : "";
  for (const char digit : std::to_string(std::abs(number))) text += kDigits[digit - '0'];
  return text;
}

std::string TickText(const ChartAxis& axis, double value) {
  if (axis.is_percent) return fmt::format("{:.6g} %", 100 * value);
  const double magnitude = std::fabs(value);
  if (value == 0 || (magnitude >= 0.0009 && magnitude < 99'999))
    return fmt::format("{:.6g}", value);
  const int exponent = static_cast<int>(std::floor(std::log10(magnitude) + 1e-9));
  const double factor = value / std::pow(10.0, exponent);
  const std::string power = "10" + Superscript(exponent);
  return std::fabs(factor - 1) < 1e-6 ? power : fmt::format("{:.3g}·{}", factor, power);
}

// An axis with its range decided, and the place of a value on it.
class Scale {
 public:
  Scale(const ChartAxis& axis, double low, double high, double begin, double end)
      : axis_(axis), low_(low), high_(high), begin_(begin), end_(end) {}

  bool Shows(double value) const { return std::isfinite(value) && (!axis_.is_log || value > 0); }
  double operator()(double value) const {
    const double t = axis_.is_log ? std::log(value / low_) / std::log(high_ / low_)
                                  : (value - low_) / (high_ - low_);
    // Far outside is as good as outside, and keeps the numbers short.
    return begin_ + std::clamp(t, -1.0, 2.0) * (end_ - begin_);
  }
  const ChartAxis& axis() const { return axis_; }
  double low() const { return low_; }
  double high() const { return high_; }
  double Baseline() const { return (*this)(axis_.is_log ? low_ : std::clamp(0.0, low_, high_)); }

 private:
  const ChartAxis& axis_;
  double low_, high_, begin_, end_;
};

struct Range {
  double low = INFINITY;
  double high = -INFINITY;
  void Add(double x) {
    low = std::min(low, x);
    high = std::max(high, x);
  }
};

// The range that holds all points of a direction, widened to look well.
Range RangeOf(const Chart& chart, bool of_x) {
  const ChartAxis& axis = of_x ? chart.x : chart.y;
  Range range;
  bool has_bars = false;
  for (const ChartSeries& series : chart.series) {
    has_bars = has_bars || series.mark == ChartMark::kBars;
    for (const ChartPoint& point : series.points) {
      const double value = of_x ? point.x : point.y;
      if (!std::isfinite(value) || (axis.is_log && value <= 0)) continue;
      range.Add(value);
      if (!of_x && std::isfinite(point.error)) range.Add(value + point.error);
    }
  }
  if (!axis.categories.empty()) return {-0.5, static_cast<double>(axis.categories.size()) - 0.5};
  if (range.low > range.high) range = axis.is_log ? Range{0.1, 1} : Range{0, 1};
  if (of_x && has_bars) {
    range.low -= 0.6;
    range.high += 0.6;
  } else if (axis.is_log) {
    // The lowest bar gets some height.
    range.low = std::pow(10.0, std::floor(std::log10(range.low) - (has_bars ? 0.3 : 1e-9)));
    range.high = std::pow(10.0, std::ceil(std::log10(range.high) + 0.05));
  } else if (!of_x) {
    if (has_bars || (range.low > 0 && range.low < 0.5 * range.high))
      range.low = std::min(range.low, 0.0);
    const double span = range.high > range.low ? range.high - range.low : 1;
    range.high += 0.06 * span;
    if (range.low != 0) range.low -= 0.06 * span;
  }
  if (axis.low) range.low = *axis.low;
  if (axis.high) range.high = *axis.high;
  if (!(range.low < range.high)) range.high = axis.is_log ? 10 * range.low : range.low + 1;
  return range;
}

int ColorOf(const ChartSeries& series, std::size_t index) {
  return (series.color >= 0 ? series.color : static_cast<int>(index)) % kColors;
}

// Colours are told apart by the marker's shape too.
std::string Marker(int color, double x, double y) {
  const double r = kMarker;
  switch (color % 4) {
    case 0:
      return fmt::format("<circle class=\"f{}\" cx=\"{}\" cy=\"{}\" r=\"{}\"/>\n", color, Number(x),
                         Number(y), Number(r));
    case 1:
      return fmt::format("<rect class=\"f{}\" x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\"/>\n",
                         color, Number(x - 0.9 * r), Number(y - 0.9 * r), Number(1.8 * r),
                         Number(1.8 * r));
    case 2:
      return fmt::format("<path class=\"f{}\" d=\"M{} {}l{} {}h{}z\"/>\n", color, Number(x),
                         Number(y - 1.2 * r), Number(1.2 * r), Number(2.1 * r), Number(-2.4 * r));
    default:
      return fmt::format("<path class=\"f{}\" d=\"M{} {}l{} {}l{} {}l{} {}z\"/>\n", color,
                         Number(x), Number(y - 1.3 * r), Number(1.3 * r), Number(1.3 * r),
                         Number(-1.3 * r), Number(1.3 * r), Number(-1.3 * r), Number(-1.3 * r));
  }
}

std::string ErrorBar(const Scale& y, double x, const ChartPoint& point) {
  if (point.error <= 0) return "";
  const double least = y.axis().is_log ? y.low() : point.y - point.error;
  const double top = y(point.y + point.error);
  const double bottom = y(std::max(point.y - point.error, least));
  return fmt::format("<path class=\"error\" d=\"M{0} {1}h6m-3 0V{2}m-3 0h6\"/>\n", Number(x - 3),
                     Number(top), Number(bottom));
}

std::string DrawBars(const ChartSeries& series, int color, const Scale& x, const Scale& y,
                     std::size_t place, std::size_t places) {
  const double slot = 0.8 * (x(1) - x(0)) / static_cast<double>(places);
  const double base = y.Baseline();
  std::string text;
  for (const ChartPoint& point : series.points) {
    if (!x.Shows(point.x) || !y.Shows(point.y)) continue;
    const double left =
        x(point.x) + slot * (static_cast<double>(place) - 0.5 * static_cast<double>(places));
    const double top = y(point.y);
    text += fmt::format("<rect class=\"bar f{}\" x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\"/>\n",
                        color, Number(left), Number(std::min(top, base)),
                        Number(std::max(slot - 1, 0.5)), Number(std::fabs(base - top)));
    text += ErrorBar(y, left + 0.5 * (slot - 1), point);
  }
  return text;
}

std::string DrawLine(const ChartSeries& series, int color, const Scale& x, const Scale& y) {
  constexpr std::size_t kMaxMarkers = 40;
  std::string path;
  std::string marks;
  bool pen_down = false;
  for (const ChartPoint& point : series.points) {
    const bool shown = x.Shows(point.x) && y.Shows(point.y);
    if (shown && series.mark == ChartMark::kLine) {
      path += fmt::format("{}{} {}", pen_down ? 'L' : 'M', Number(x(point.x)), Number(y(point.y)));
    }
    pen_down = shown;
    if (!shown) continue;
    marks += ErrorBar(y, x(point.x), point);
    const bool inside = point.y >= y.low() && point.y <= y.high();
    if (inside && (series.points.size() <= kMaxMarkers || series.mark == ChartMark::kPoints)) {
      marks += Marker(color, x(point.x), y(point.y));
    }
  }
  if (path.empty()) return marks;
  return fmt::format("<path class=\"line l{}{}\" d=\"{}\"/>\n{}", color,
                     series.dashed ? " dashed" : "", path, marks);
}

struct Box {
  double left, top, right, bottom;
};

std::string DrawAxes(const Chart& chart, const Scale& x, const Scale& y, const Box& plot) {
  std::string text;
  for (const double value : ChartTicks(y.low(), y.high(), 6, chart.y.is_log)) {
    const std::string at = Number(y(value));
    text += fmt::format("<path class=\"grid\" d=\"M{} {}H{}\"/>", Number(plot.left), at,
                        Number(plot.right));
    text += fmt::format("<text class=\"tick\" x=\"{}\" y=\"{}\" text-anchor=\"end\">{}</text>\n",
                        Number(plot.left - 7), Number(y(value) + 4), TickText(chart.y, value));
  }
  double x_rows = 0;  // Height of the names' second row.
  const auto x_tick = [&](double value, const std::string& name, double row = 0) {
    const std::string at = Number(x(value));
    text += fmt::format("<path class=\"axis\" d=\"M{} {}v4\"/>", at, Number(plot.bottom));
    text += fmt::format("<text class=\"tick\" x=\"{}\" y=\"{}\" text-anchor=\"middle\">{}</text>\n",
                        at, Number(plot.bottom + 17 + row), XmlEscaped(name));
  };
  if (chart.x.categories.empty()) {
    constexpr double kTickDistance = 60;
    const int x_count = static_cast<int>((plot.right - plot.left) / kTickDistance);
    for (const double value : ChartTicks(x.low(), x.high(), x_count, chart.x.is_log)) {
      x_tick(value, TickText(chart.x, value));
    }
  } else {
    // Names that would run into each other stand in two rows, or are left out, evenly.
    double widest = 0;
    for (const std::string& name : chart.x.categories) widest = std::max(widest, TextWidth(name));
    const auto step = static_cast<std::size_t>(std::ceil((widest * 11 / 12 + 4) / (x(1) - x(0))));
    if (step == 2) x_rows = 13;
    const std::size_t stride = step == 2 ? 1 : std::max<std::size_t>(step, 1);
    for (std::size_t i = 0; i < chart.x.categories.size(); i += stride) {
      x_tick(static_cast<double>(i), chart.x.categories[i], i % 2 == 1 ? x_rows : 0);
    }
  }
  text += fmt::format("<path class=\"axis\" d=\"M{} {}H{}\"/>\n", Number(plot.left),
                      Number(plot.bottom), Number(plot.right));
  if (!chart.y.is_log && y.low() < 0 && y.high() > 0) {
    text += fmt::format("<path class=\"axis\" d=\"M{} {}H{}\"/>\n", Number(plot.left), Number(y(0)),
                        Number(plot.right));
  }
  text += fmt::format("<text x=\"{}\" y=\"{}\" text-anchor=\"middle\">{}</text>\n",
                      Number((plot.left + plot.right) / 2), Number(plot.bottom + 36 + x_rows),
                      XmlEscaped(chart.x.label));
  const double middle = (plot.top + plot.bottom) / 2;
  text += fmt::format(
      "<text transform=\"translate({} {}) rotate(-90)\" text-anchor=\"middle\">{}</text>\n",
      Number(plot.left - 54), Number(middle), XmlEscaped(chart.y.label));
  return text;
}

// Where each legend entry stands, in rows of at most `width`.
struct LegendEntry {
  std::size_t series;
  double x;
  int row;
};
std::vector<LegendEntry> LayLegend(const Chart& chart, double width) {
  std::vector<LegendEntry> entries;
  double x = 0;
  int row = 0;
  for (std::size_t i = 0; i < chart.series.size(); ++i) {
    if (chart.series[i].name.empty()) continue;
    const double entry = 30 + TextWidth(chart.series[i].name) + 16;
    if (x > 0 && x + entry > width) {
      x = 0;
      ++row;
    }
    entries.push_back({i, x, row});
    x += entry;
  }
  return entries;
}

std::string DrawLegend(const Chart& chart, const std::vector<LegendEntry>& entries, double left,
                       double top) {
  std::string text;
  for (const LegendEntry& entry : entries) {
    const ChartSeries& series = chart.series[entry.series];
    const int color = ColorOf(series, entry.series);
    const double x = left + entry.x;
    const double y = top + kLegendRow * entry.row;
    if (series.mark == ChartMark::kBars) {
      text +=
          fmt::format("<rect class=\"bar f{}\" x=\"{}\" y=\"{}\" width=\"22\" height=\"10\"/>\n",
                      color, Number(x), Number(y - 9));
    } else {
      if (series.mark == ChartMark::kLine) {
        text += fmt::format("<path class=\"line l{}{}\" d=\"M{} {}h22\"/>\n", color,
                            series.dashed ? " dashed" : "", Number(x), Number(y - 4));
      }
      text += Marker(color, x + 11, y - 4);
    }
    text += fmt::format("<text x=\"{}\" y=\"{}\">{}</text>\n", Number(x + 28), Number(y),
                        XmlEscaped(series.name));
  }
  return text;
}

struct PanelSize {
  double width, plot_height;
};

double HeaderHeight(const Chart& chart, const PanelSize& size) {
  const auto entries = LayLegend(chart, size.width - 80);
  return (chart.title.empty() ? 4 : 24) +
         (entries.empty() ? 0 : kLegendRow * (entries.back().row + 1)) + 6;
}

// `header` is the tallest of the panels in its row, so that their plots stand level.
std::string DrawPanel(const Chart& chart, const PanelSize& size, double left, double top,
                      double header, const std::string& id) {
  const Box plot = {left + 72, top + header, left + size.width - 8,
                    top + header + size.plot_height};
  const Range x_range = RangeOf(chart, true);
  const Range y_range = RangeOf(chart, false);
  const Scale x(chart.x, x_range.low, x_range.high, plot.left, plot.right);
  const Scale y(chart.y, y_range.low, y_range.high, plot.bottom, plot.top);
  std::string text = "<g>\n";
  if (!chart.title.empty()) {
    text += fmt::format("<text class=\"panel\" x=\"{}\" y=\"{}\">{}</text>\n", Number(plot.left),
                        Number(top + 14), XmlEscaped(chart.title));
  }
  text += DrawLegend(chart, LayLegend(chart, size.width - 80), plot.left,
                     top + (chart.title.empty() ? 14 : 34));
  text += DrawAxes(chart, x, y, plot);
  // A line or marker that touches the frame stays whole.
  text += fmt::format(
      "<clipPath id=\"{}\"><rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\"/></clipPath>\n"
      "<g clip-path=\"url(#{})\">\n",
      id, Number(plot.left - 5), Number(plot.top - 5), Number(plot.right - plot.left + 10),
      Number(plot.bottom - plot.top + 6), id);
  const std::size_t bar_series = static_cast<std::size_t>(std::ranges::count_if(
      chart.series, [](const ChartSeries& s) { return s.mark == ChartMark::kBars; }));
  std::size_t bars = 0;
  for (std::size_t i = 0; i < chart.series.size(); ++i) {
    const ChartSeries& series = chart.series[i];
    const int color = ColorOf(series, i);
    text += series.mark == ChartMark::kBars ? DrawBars(series, color, x, y, bars++, bar_series)
                                            : DrawLine(series, color, x, y);
  }
  return text + "</g>\n</g>\n";
}

}  // namespace

std::string XmlEscaped(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    switch (c) {
      case '&':
        escaped += "&amp;";
        break;
      case '<':
        escaped += "&lt;";
        break;
      case '>':
        escaped += "&gt;";
        break;
      case '"':
        escaped += "&quot;";
        break;
      default:
        escaped += static_cast<unsigned char>(c) < 0x20 || c == 0x7F ? '?' : c;
    }
  }
  return escaped;
}

std::vector<double> ChartTicks(double low, double high, int count, bool is_log) {
  std::vector<double> ticks;
  constexpr double kSlack = 1e-9;
  if (is_log) {
    const double first = std::ceil(std::log10(low) - kSlack);
    const double last = std::floor(std::log10(high) + kSlack);
    const double step = std::max(1.0, std::ceil((last - first) / (count + 1)));
    const bool few = last - first < 2;
    for (double decade = few ? first - 1 : first; decade <= last; decade += few ? 1 : step) {
      for (const double factor : {1.0, 2.0, 5.0}) {
        const double tick = factor * std::pow(10.0, decade);
        if ((factor == 1 || few) && tick >= low * (1 - kSlack) && tick <= high * (1 + kSlack)) {
          ticks.push_back(tick);
        }
      }
    }
    return ticks;
  }
  const double rough = (high - low) / count;
  const double decade = std::pow(10.0, std::floor(std::log10(rough)));
  const double fraction = rough / decade;
  const double step = decade * (fraction < 1.5 ? 1 : fraction < 3.5 ? 2 : fraction < 7.5 ? 5 : 10);
  for (double i = std::ceil(low / step - kSlack); i * step <= high + kSlack * step; ++i) {
    ticks.push_back(i == 0 ? 0 : i * step);
  }
  return ticks;
}

std::string RenderSvg(const Picture& picture, std::string_view id) {
  const int columns = std::max(1, picture.columns);
  const PanelSize size = columns == 1 ? PanelSize{kPanelWidth, kPlotHeight}
                                      : PanelSize{kHalfPanelWidth, kHalfPlotHeight};
  const double width = 2 * kMargin + columns * size.width;
  std::string body;
  double top = kMargin;
  body += fmt::format("<text class=\"title\" x=\"{}\" y=\"{}\">{}</text>\n", Number(kMargin),
                      Number(top + 14), XmlEscaped(picture.title));
  top += 24;
  if (!picture.subtitle.empty()) {
    body += fmt::format("<text class=\"sub\" x=\"{}\" y=\"{}\">{}</text>\n", Number(kMargin),
                        Number(top + 12), XmlEscaped(picture.subtitle));
    top += 20;
  }
  top += 10;
  for (std::size_t first = 0; first < picture.panels.size(); first += columns) {
    const std::size_t end = std::min(picture.panels.size(), first + columns);
    double header = 0;
    for (std::size_t i = first; i < end; ++i) {
      header = std::max(header, HeaderHeight(picture.panels[i], size));
    }
    for (std::size_t i = first; i < end; ++i) {
      body +=
          DrawPanel(picture.panels[i], size, kMargin + static_cast<double>(i - first) * size.width,
                    top, header, fmt::format("{}{}", id, i));
    }
    top += header + size.plot_height + 52;
  }
  return fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" role=\"img\" width=\"{0}\" height=\"{1}\" "
      "viewBox=\"0 0 {0} {1}\">\n<title>{2}</title>\n<style>{3}</style>\n"
      "<rect class=\"paper\" width=\"{0}\" height=\"{1}\"/>\n{4}</svg>\n",
      Number(width), Number(top), XmlEscaped(picture.title), kStyle, body);
}

}  // namespace ulproof::cli
