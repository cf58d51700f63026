// SPDX-License-Identifier: Apache-2.0
// ulproof mutate on a small kernel of ours and on one of somebody else's. Catches a suite that has
// gone blind (a low kill rate), counts that do not add up, a mutant that is another one when it is
// asked for by its number, and a wrong kernel that is taken for the right one.
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
  const CommandResult result = RunUlproof({"mutate", "--op", kOperation, "--plain", "--count", "20",
                                           "--goal", "0.8", "--json", json_path});
  EXPECT_EQ(result.exit_code, 0) << result.out << result.err;
  std::ifstream file(json_path);
  const nlohmann::json json = nlohmann::json::parse(file);
  EXPECT_EQ(json["mutants"].size(), 20u);
  EXPECT_EQ(json["wrong_bits"].get<int>() + json["faults"].get<int>() + json["slower"].get<int>() +
                json["equivalent"].get<int>() + json["survived"].get<int>(),
            20);
  EXPECT_GT(json["kill_rate"].get<double>(), 0.8);
  for (const auto& mutant : json["mutants"]) EXPECT_NE(mutant["before"], mutant["after"]);
  // One of them again, by its number.
  const nlohmann::json& seventh = json["mutants"][7];
  const CommandResult again = RunUlproof({"mutate", "--op", kOperation, "--plain", "--count", "20",
                                          "--goal", "0", "--only", "7", "--json", json_path});
  EXPECT_EQ(again.exit_code, 0) << again.out << again.err;
  std::ifstream one(json_path);
  const nlohmann::json only = nlohmann::json::parse(one);
  ASSERT_EQ(only["mutants"].size(), 1u);
  EXPECT_EQ(only["mutants"][0], seventh);
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

// The suite of verify, on a kernel with a manifest.
TEST(MutateTest, AKernelOfSomebodyElse) {
  const std::string example = ULPROOF_SOURCE_DIR "/examples/verify/cast_bf16_e4m3";
  const std::string json_path = testing::TempDir() + "/user_mutants.json";
  const CommandResult result =
      RunUlproof({"mutate", "--kernel", example + ".ptx", "--manifest", example + ".json",
                  "--count", "6", "--goal", "0.5", "--json", json_path});
  EXPECT_EQ(result.exit_code, 0) << result.out << result.err;
  std::ifstream file(json_path);
  const nlohmann::json json = nlohmann::json::parse(file);
  EXPECT_EQ(json["entry"], "cast_to_fp8");
  EXPECT_THAT(json["operation"].get<std::string>(),
              HasSubstr("cast from=bfloat16 to=float8_e4m3fn"));
  EXPECT_EQ(json["mutants"].size(), 6u);
  EXPECT_GT(json["wrong_bits"].get<int>() + json["faults"].get<int>(), 2);

  const CommandResult wrong = RunUlproof(
      {"mutate", "--kernel", example + "_truncated.ptx", "--manifest", example + ".json"});
  EXPECT_EQ(wrong.exit_code, 1);
  EXPECT_THAT(wrong.err, HasSubstr("the kernel itself is wrong"));
}

TEST(MutateTest, BadInputIsAUsageError) {
  EXPECT_EQ(RunUlproof({"mutate", "--op", "noise law=normal2"}).exit_code, 2);
  EXPECT_EQ(RunUlproof({"mutate", "--op", "nonsense"}).exit_code, 2);
  EXPECT_EQ(RunUlproof({"mutate", "--op", kOperation, "--arch", "sm_12"}).exit_code, 2);
  EXPECT_EQ(RunUlproof({"mutate", "none.ptx", "--op", kOperation}).exit_code, 3);
  EXPECT_EQ(RunUlproof({"mutate"}).exit_code, 2);
  EXPECT_EQ(RunUlproof({"mutate", "--op", kOperation, "--manifest", "m.json"}).exit_code, 2);
  EXPECT_EQ(RunUlproof({"mutate", "--kernel", "none.ptx", "--op", kOperation}).exit_code, 3);
  EXPECT_EQ(RunUlproof({"mutate", "--kernel", "plugin.so", "--op", kOperation}).exit_code, 2);
  EXPECT_EQ(RunUlproof({"mutate", "--op", kOperation, "--only", "two"}).exit_code, 2);
}

}  // namespace
}  // namespace ulproof::cli
