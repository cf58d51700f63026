// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <fstream>
#include <sstream>

#include "cli/report/chart.h"

namespace ulproof::cli {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

// Every mark, both kinds of axis, error bars, a gap, names that need escaping.
Picture Specimen() {
  Chart bars = {.title = "Bars & points",
                .x = {.label = "R", .categories = {"-1", "0", "<1>"}},
                .y = {.label = "share", .is_log = true},
                .series = {{.name = "observed",
                            .mark = ChartMark::kBars,
                            .points = {{0, 0.157, 0.01}, {1, 0.683, 0.02}, {2, 0.16, 0.01}}},
                           {.name = "exact",
                            .mark = ChartMark::kPoints,
                            .points = {{0, 0.1573}, {1, 0.6827}, {2, 0.1573}}}}};
  Chart lines = {.title = "Lines",
                 .x = {.label = "b"},
                 .y = {.label = "rate", .is_percent = true, .low = 0, .high = 1},
                 .series = {{.name = "one", .points = {{1, 0}, {2, 0.25}, {3, NAN}, {4, 1}}},
                            {.name = "two", .points = {{1, 0.5}, {4, 0.75}}, .dashed = true}}};
  return {.title = "Specimen \"1\"",
          .subtitle = "all marks",
          .panels = {std::move(bars), std::move(lines)},
          .columns = 2};
}

// The approved rendering: a change of the look is a change of this file, seen in review. With
// ULPROOF_APPROVE=1 in the environment the test writes it anew. Would catch: a mark that moves, an
// axis whose ticks change, numbers that depend on the machine.
TEST(Svg, ApprovedSpecimen) {
  const std::string path = ULPROOF_SOURCE_DIR "/tests/cli/report/approved/specimen.svg";
  const std::string svg = RenderSvg(Specimen());
  if (std::getenv("ULPROOF_APPROVE") != nullptr) std::ofstream(path) << svg;
  std::ifstream file(path);
  std::stringstream approved;
  approved << file.rdbuf();
  EXPECT_EQ(svg, approved.str());
}

TEST(Svg, EscapesWhatItIsGiven) {
  const std::string svg = RenderSvg(Specimen(), "page3");
  EXPECT_THAT(svg, HasSubstr("Bars &amp; points"));
  EXPECT_THAT(svg, HasSubstr("&lt;1&gt;"));
  EXPECT_THAT(svg, Not(HasSubstr("<1>")));
  EXPECT_THAT(svg, HasSubstr("url(#page30)"));  // Ids of two pictures in one page differ.
  EXPECT_THAT(svg, Not(HasSubstr("script")));
  EXPECT_THAT(svg, Not(HasSubstr("nan")));
  EXPECT_EQ(XmlEscaped("a\n<\"&>"), "a?&lt;&quot;&amp;&gt;");
}

// Would catch: a name left out of eight that fit in two rows, or a row that runs into the label.
TEST(Svg, NamesThatRunIntoEachOtherStandInTwoRows) {
  Chart chart = {.x = {.label = "method"}, .y = {.label = "y"}, .series = {{}}};
  for (int i = 0; i < 8; ++i) {
    chart.x.categories.push_back("name of some size " + std::to_string(i));
    chart.series[0].points.push_back({static_cast<double>(i), 1});
  }
  const std::string svg = RenderSvg({.title = "t", .panels = {chart}});
  for (const std::string& name : chart.x.categories) EXPECT_THAT(svg, HasSubstr(name));
  const auto height_of = [&](const std::string& text) {
    const std::size_t element = svg.rfind("<text", svg.find(">" + text + "<"));
    return std::stod(svg.substr(svg.find(" y=\"", element) + 4));
  };
  EXPECT_EQ(height_of(chart.x.categories[1]), height_of(chart.x.categories[0]) + 13);
  EXPECT_EQ(height_of(chart.x.categories[2]), height_of(chart.x.categories[0]));
  EXPECT_GE(height_of("method"), height_of(chart.x.categories[1]) + 13);
}

// Would catch: a range of nothing that divides by zero.
TEST(Svg, DrawsEmptyAndFlatCharts) {
  for (const bool is_log : {false, true}) {
    Chart chart = {.x = {.label = "x"}, .y = {.label = "y", .is_log = is_log}, .series = {{}}};
    for (const auto& points : {std::vector<ChartPoint>{}, std::vector<ChartPoint>{{3, 0.2}},
                               std::vector<ChartPoint>{{3, -5}, {3, INFINITY}}}) {
      chart.series[0].points = points;
      const std::string svg = RenderSvg({.title = "t", .panels = {chart}});
      EXPECT_THAT(svg, Not(HasSubstr("nan")));
      EXPECT_THAT(svg, Not(HasSubstr("inf")));
    }
  }
}

TEST(ChartTicks, AreRoundNumbers) {
  EXPECT_THAT(ChartTicks(0, 1, 5, false), ElementsAre(0, 0.2, 0.4, 0.6000000000000001, 0.8, 1));
  EXPECT_THAT(ChartTicks(-5, 5, 6, false), ElementsAre(-4, -2, 0, 2, 4));
  EXPECT_THAT(ChartTicks(0.001, 1, 6, true),
              ElementsAre(testing::DoubleEq(0.001), testing::DoubleEq(0.01), testing::DoubleEq(0.1),
                          testing::DoubleEq(1)));
  EXPECT_THAT(ChartTicks(0.3, 3, 6, true),
              ElementsAre(testing::DoubleEq(0.5), testing::DoubleEq(1), testing::DoubleEq(2)));
  EXPECT_EQ(ChartTicks(1e-30, 1, 6, true).size(), 7u);
}

}  // namespace
}  // namespace ulproof::cli
