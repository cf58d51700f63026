// SPDX-License-Identifier: Apache-2.0
#include "cli/progress.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>
#include <thread>

namespace ulproof::cli {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;

// What a bar draws on a terminal (or not one) of that width.
std::string Drawn(bool terminal, int columns, std::uint64_t total) {
  std::istringstream in;
  std::ostringstream out, err;
  const CommandContext context = {
      .in = in, .out = out, .err = err, .err_is_terminal = terminal, .terminal_columns = columns};
  {
    ProgressBar progress(context, "a label", total);
    progress.Advance(total / 4);
    progress.SetLabel("another label");
    progress.Advance(total);
  }
  EXPECT_EQ(out.str(), "");
  return err.str();
}

// Catches escape codes in a log, and a bar for work without an end.
TEST(ProgressTest, DrawsOnlyOnATerminal) {
  EXPECT_EQ(Drawn(false, 80, 100), "");
  EXPECT_EQ(Drawn(true, 80, 0), "");
}

// Catches a bar that stays behind, that shows another share, or that wraps a narrow terminal.
TEST(ProgressTest, FitsTheTerminalAndErasesItself) {
  const std::string wide = Drawn(true, 80, 100);
  EXPECT_THAT(wide, HasSubstr("a label [==========                              ]  25%"));
  EXPECT_THAT(wide, HasSubstr("another label ["));
  EXPECT_THAT(wide, EndsWith("\r\x1b[K"));
  for (const int columns : {0, 20, 25, 40, 80, 500}) {
    std::istringstream lines(Drawn(true, columns, 100));
    for (std::string line; std::getline(lines, line, '\r');) {
      EXPECT_LT(line.size(), static_cast<std::size_t>(std::max(columns, 20)) + 3) << line;
    }
  }
}

// Catches a race (under a thread sanitizer) and a count that is lost.
TEST(ProgressTest, ManyThreadsMayAdvance) {
  std::istringstream in;
  std::ostringstream out, err;
  const CommandContext context = {.in = in, .out = out, .err = err, .err_is_terminal = true};
  ProgressBar progress(context, "work", 4000);
  {
    std::vector<std::jthread> workers;
    for (int i = 0; i < 4; ++i) {
      workers.emplace_back([&] {
        for (int j = 0; j < 1000; ++j) progress.Advance(1);
      });
    }
  }
  progress.SetLabel("done");
  EXPECT_THAT(err.str(), HasSubstr("] 100%"));
}

}  // namespace
}  // namespace ulproof::cli
