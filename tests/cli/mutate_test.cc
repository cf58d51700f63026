// SPDX-License-Identifier: Apache-2.0
// ulproof mutate on a small kernel of ours. Catches a suite that has gone blind (a low kill rate),
// counts that do not add up, and a wrong kernel that is taken for the right one.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "tests/cli/run_ulproof.h"

namespace ulproof::cli {
namespace {

using testing::HasSubstr;

const std::string kOperation = "noise law=rg16 pack=int8";

TEST(MutateTest, MostMutantsAreNoticed) {
  const std::string json_path = testing::TempDir() + "/mutants.json";
  const CommandResult result = RunUlproof({"mutate", "--op", kOperation, "--plain", "--count", "30",
                                           "--goal", "0.8", "--json", json_path});
  EXPECT_EQ(result.exit_code, 0) << result.out << result.err;
  std::ifstream file(json_path);
  const nlohmann::json json = nlohmann::json::parse(file);
  EXPECT_EQ(json["mutants"].size(), 30u);
  EXPECT_EQ(json["wrong_bits"].get<int>() + json["faults"].get<int>() + json["slower"].get<int>() +
                json["equivalent"].get<int>() + json["survived"].get<int>(),
            30);
  EXPECT_GT(json["kill_rate"].get<double>(), 0.8);
  for (const auto& mutant : json["mutants"]) EXPECT_NE(mutant["before"], mutant["after"]);
  // Nothing to notice, nothing missed.
  EXPECT_EQ(RunUlproof({"mutate", "--op", kOperation, "--count", "0", "--goal", "1"}).exit_code, 0);
}

TEST(MutateTest, AWrongKernelIsNotMutated) {
  std::ifstream golden(ULPROOF_SOURCE_DIR "/gpu/golden/sm_80/noise.ptx");
  std::ostringstream text;
  text << golden.rdbuf();
  std::string wrong = text.str();
  const std::string threshold = "1362886655";  // 10398 << 17, less 1
  ASSERT_NE(wrong.find(threshold), std::string::npos);
  for (std::size_t at = wrong.find(threshold); at != wrong.npos; at = wrong.find(threshold, at)) {
    wrong.replace(at, threshold.size(), "1362755583");
  }
  const std::string path = testing::TempDir() + "/wrong.ptx";
  std::ofstream(path) << wrong;
  const CommandResult result = RunUlproof({"mutate", path, "--op", kOperation, "--count", "1"});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.err, HasSubstr("the kernel itself is wrong: noise"));
}

TEST(MutateTest, BadInputIsAUsageError) {
  EXPECT_EQ(RunUlproof({"mutate", "--op", "noise law=normal2"}).exit_code, 2);
  EXPECT_EQ(RunUlproof({"mutate", "--op", "nonsense"}).exit_code, 2);
  EXPECT_EQ(RunUlproof({"mutate", "--op", kOperation, "--arch", "sm_12"}).exit_code, 2);
  EXPECT_EQ(RunUlproof({"mutate", "none.ptx", "--op", kOperation}).exit_code, 3);
}

}  // namespace
}  // namespace ulproof::cli
