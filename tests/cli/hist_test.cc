// SPDX-License-Identifier: Apache-2.0
// The commands that look at the noise itself: hist and anneal.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <nlohmann/json.hpp>

#include "tests/cli/run_ulproof.h"
#include "tests/cli/tensor_files.h"
#include "tests/io/temporary_directory.h"

namespace ulproof::cli {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using testing::Not;

class HistTest : public testing::Test {
 protected:
  std::string Path(const std::string& name) const { return directory_ / name; }
  json ReadJson(const std::string& name) const { return json::parse(io::ReadFile(Path(name))); }

  io::TemporaryDirectory directory_;
};

// The counts must be those of the elements that `noise` prints. Would catch: a chunk drawn twice, a
// count in the wrong class.
TEST_F(HistTest, CountsAreThoseOfTheNoise) {
  const std::string count = "3000000";  // Several chunks.
  const CommandResult made = RunUlproof({"noise", "--law", "rg16", "--seed", "7", "--stream", "3",
                                         "--count", count, "--out", Path("n.npy")});
  ASSERT_EQ(made.exit_code, 0) << made.err;
  std::array<std::uint64_t, 5> counts = {};
  for (const std::int8_t r : ReadNpy<std::int8_t>(Path("n.npy"))) {
    ++counts[static_cast<std::size_t>(r + 2)];
  }
  const CommandResult result = RunUlproof({"hist", "--law", "rg16", "--seed", "7", "--stream", "3",
                                           "--count", count, "--json", Path("h.json")});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  const json record = ReadJson("h.json");
  EXPECT_EQ(record["schema"], "ulproof.hist/1");
  const json& classes = record["laws"][0]["classes"];
  ASSERT_EQ(classes.size(), 5u);
  for (std::size_t i = 0; i < 5; ++i) EXPECT_EQ(classes[i]["count"], counts[i]);
  EXPECT_EQ(classes[4]["exact"], "88/65536");
  EXPECT_EQ(record["laws"][0]["verdict"], "pass");
}

// Every law holds on every machine, as text without colours in a pipe, and as a picture.
TEST_F(HistTest, AllLawsHold) {
  const CommandResult result =
      RunUlproof({"hist", "--law", "all", "--count", "200000", "--svg", Path("h.svg")});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  for (const char* law : {"rg16", "rg32", "rgbits", "boxmuller", "uniform", "normal2"}) {
    EXPECT_THAT(result.out, HasSubstr(std::string(law) + " on cpu"));
  }
  EXPECT_THAT(result.out, Not(HasSubstr("\033[")));
  EXPECT_THAT(io::ReadFile(Path("h.svg")), testing::StartsWith("<svg xmlns="));
}

TEST_F(HistTest, BadArguments) {
  EXPECT_EQ(RunUlproof({"hist", "--law", "rg17"}).exit_code, 2);
  EXPECT_EQ(RunUlproof({"hist", "--count", "0"}).exit_code, 2);
  EXPECT_EQ(RunUlproof({"hist", "--count", "10", "--json", "/nowhere/x.json"}).exit_code, 3);
  EXPECT_EQ(RunUlproof({"anneal", "--blocks", "0"}).exit_code, 2);
  EXPECT_EQ(RunUlproof({"anneal", "--bits", "1..0"}).exit_code, 2);
  EXPECT_EQ(RunUlproof({"anneal", "--panel", "colour"}).exit_code, 2);
}

// Contract section 7, claim 3: into a format with m trailing bits noise is never absorbed for
// b <= m + 1, only at ties for b = m + 2 and often from m + 3 on. (The weights are values of the
// output format.) And the drawn share lies near the exact one.
TEST_F(HistTest, AnnealShowsWhereNoiseIsAbsorbed) {
  const CommandResult result =
      RunUlproof({"anneal", "--law", "rg16", "--bits", "6..12", "--blocks", "16", "--json",
                  Path("a.json"), "--svg", Path("a.svg"), "--panel", "absorbed"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  const json record = ReadJson("a.json");
  EXPECT_EQ(record["schema"], "ulproof.anneal/1");
  for (const json& point : record["curves"][0]["points"]) {
    const double b = point["bits"];
    const double absorbed = point["exact"]["absorbed"];
    if (b <= 8) {
      EXPECT_EQ(absorbed, 0) << b;
    }
    if (b >= 10) {
      EXPECT_GT(absorbed, 0.01) << b;
    }
    // 16 * 1024 elements, of which a third has noise.
    EXPECT_NEAR(point["sampled"]["absorbed"], absorbed,
                6 * std::sqrt(absorbed * (1 - absorbed) / 5000) + 1e-12);
    if (b <= 7) {
      EXPECT_NEAR(point["exact"]["variance_ratio"], 1, 0.01) << b;
    }
    EXPECT_NEAR(point["exact"]["bias"], 0, 0.01);
  }
}

// For integer b the weights of binade k keep b - 1 - k bits above s, within the two bits by which
// the root mean squares of weight, maximum and noise differ from their powers of two.
TEST_F(HistTest, AnnealShowsSurvivingBits) {
  const CommandResult result = RunUlproof(
      {"anneal", "--law", "rg32", "--bits", "6", "--blocks", "16", "--json", Path("a.json")});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  for (const json& binade : ReadJson("a.json")["curves"][0]["points"][0]["below_max"]) {
    const int k = binade["binade"];
    if (k <= 3) {
      EXPECT_NEAR(binade["surviving_bits"], 6 - 1 - k, 1) << k;
    }
    if (k >= 8) {
      EXPECT_EQ(binade["surviving_bits"], 0) << k;
    }
  }
}

}  // namespace
}  // namespace ulproof::cli
