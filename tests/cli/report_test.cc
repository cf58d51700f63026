// SPDX-License-Identifier: Apache-2.0
// The report page that gathers the records of other commands.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "tests/cli/run_ulproof.h"
#include "tests/cli/tensor_files.h"
#include "tests/io/temporary_directory.h"

namespace ulproof::cli {
namespace {

using testing::HasSubstr;
using testing::Not;

class ReportTest : public testing::Test {
 protected:
  std::string Path(const std::string& name) const { return directory_ / name; }

  io::TemporaryDirectory directory_;
};

// The page holds what the records hold, and reaches for nothing outside itself.
TEST_F(ReportTest, ReportIsOneSelfContainedPage) {
  WriteNpy(Path("w.npy"), io::kNpyFloat32, {4, 4},
           std::vector<float>{1, -2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16});
  ASSERT_EQ(RunUlproof({"hist", "--count", "10000", "--json", Path("1.json")}).exit_code, 0);
  ASSERT_EQ(
      RunUlproof({"underflow", Path("w.npy"), "--bits", "4", "--json", Path("2.json")}).exit_code,
      0);
  ASSERT_EQ(
      RunUlproof({"anneal", "--blocks", "2", "--law", "rg16", "--json", Path("3.json")}).exit_code,
      0);
  ASSERT_EQ(
      RunUlproof({"compare", Path("w.npy"), Path("w.npy"), "--json", Path("4.json")}).exit_code, 0);
  ASSERT_EQ(RunUlproof({"formats-for", Path("w.npy"), "--json", Path("5.json")}).exit_code, 0);
  ASSERT_EQ(RunUlproof({"prove", "rgbits-circuit", "--json", Path("6.json")}).exit_code, 0);
  ASSERT_EQ(
      RunUlproof({"conform", "--ops", "block_max", "--backend", "cpu", "--json", Path("7.json")})
          .exit_code,
      0);
  ASSERT_EQ(RunUlproof({"train", "--preset", "pico", "--steps", "2", "--eval-every", "1", "--out",
                        Path("run")})
                .exit_code,
            0);
  const CommandResult result =
      RunUlproof({"report", Path("1.json"), Path("2.json"), Path("3.json"), Path("4.json"),
                  Path("5.json"), Path("6.json"), Path("7.json"), Path("run/summary.json"),
                  "--title", "a < b", "--out", Path("r.html")});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  const std::string page = io::ReadFile(Path("r.html"));
  EXPECT_THAT(page, testing::StartsWith("<!DOCTYPE html>"));
  EXPECT_THAT(page, HasSubstr("<title>a &lt; b</title>"));
  for (const char* schema :
       {"hist", "underflow", "anneal", "compare", "formats-for", "prove", "conform", "train"}) {
    EXPECT_THAT(page, HasSubstr("ulproof." + std::string(schema) + "/1"));
  }
  EXPECT_THAT(page, HasSubstr("<code>ulproof hist --count 10000 --json "));
  std::size_t pictures = 0;
  for (std::size_t at = 0; (at = page.find("<svg ", at)) != std::string::npos; ++at) ++pictures;
  EXPECT_EQ(pictures, 6u) << "five and the training run's";
  for (const char* outside : {"<script", "src=", "@import", "<link", "url(http"}) {
    EXPECT_THAT(page, Not(HasSubstr(outside)));
  }
}

TEST_F(ReportTest, ReportRefusesWhatIsNoRecord) {
  io::WriteFile(Path("bad.json"), "{\"command\": \"hist\", \"version\": \"1\"}");
  io::WriteFile(Path("worse.json"), "[1, 2");
  for (const char* name : {"bad.json", "worse.json"}) {
    const CommandResult result = RunUlproof({"report", Path(name), "--out", Path("r.html")});
    EXPECT_EQ(result.exit_code, 2);
    EXPECT_THAT(result.err, HasSubstr(name));
  }
  EXPECT_EQ(directory_.Names().count("r.html"), 0u);
}

// Would catch: changes of the machine taken for results, rows paired by position where they have
// names, a baseline silently left out.
TEST_F(ReportTest, AgainstShowsWhatChangedAndNothingElse) {
  const auto hist = [&](const std::string& seed, const std::string& name) {
    ASSERT_EQ(
        RunUlproof({"hist", "--count", "10000", "--seed", seed, "--json", Path(name)}).exit_code,
        0);
  };
  hist("1", "old.json");
  hist("1", "same.json");
  hist("2", "new.json");
  const auto page = [&](const std::string& now) {
    const CommandResult result =
        RunUlproof({"report", Path(now), "--against", Path("old.json"), "--out", Path("r.html")});
    EXPECT_EQ(result.exit_code, 0) << result.err;
    return io::ReadFile(Path("r.html"));
  };
  EXPECT_THAT(page("same.json"), HasSubstr("no value changed, times aside"));
  EXPECT_THAT(page("new.json"), HasSubstr("<td>seed</td><td>1</td><td>2</td>"));
  ASSERT_EQ(RunUlproof({"prove", "rgbits-circuit", "--json", Path("p.json")}).exit_code, 0);
  const CommandResult lonely = RunUlproof(
      {"report", Path("p.json"), "--against", Path("old.json"), "--out", Path("x.html")});
  EXPECT_EQ(lonely.exit_code, 2);
  EXPECT_THAT(lonely.err, HasSubstr("1 of the 1 records of --against"));
}

// A browser that nobody here wrote lays the page out. Would catch markup that a browser repairs by
// dropping it, and pictures that draw nothing.
TEST_F(ReportTest, ABrowserShowsThePage) {
  if (std::system("command -v chromium >/dev/null 2>&1") != 0) {
    GTEST_SKIP() << "chromium is not installed";
  }
  ASSERT_EQ(RunUlproof({"hist", "--count", "10000", "--json", Path("1.json")}).exit_code, 0);
  ASSERT_EQ(RunUlproof({"report", Path("1.json"), "--out", Path("r.html")}).exit_code, 0);
  const std::string flags = "timeout 60 chromium --headless --no-sandbox --disable-gpu ";
  const std::string url = " file://" + Path("r.html") + " 2>/dev/null";
  ASSERT_EQ(std::system((flags + "--dump-dom" + url + " > " + Path("dom.html")).c_str()), 0);
  const std::string page = io::ReadFile(Path("dom.html"));
  EXPECT_THAT(page, HasSubstr("<svg"));
  EXPECT_THAT(page, HasSubstr("chi-square"));
  const auto count = [](const std::string& text, const std::string& part) {
    std::size_t found = 0;
    for (std::size_t at = 0; (at = text.find(part, at)) != std::string::npos; ++at) ++found;
    return found;
  };
  const std::string source = io::ReadFile(Path("r.html"));
  for (const char* element : {"<section", "<rect", "<path", "<text", "<pre"}) {
    EXPECT_EQ(count(page, element), count(source, element)) << element;
  }
}

}  // namespace
}  // namespace ulproof::cli
