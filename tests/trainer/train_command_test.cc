// SPDX-License-Identifier: Apache-2.0
// Catches: commands that lose a run, take bad input, or whose verdict is not their exit code. Runs
// the real binary.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "tests/cli/run_ulproof.h"
#include "tests/io/temporary_directory.h"

namespace ulproof::cli {
namespace {

using testing::HasSubstr;

const std::string kText = std::string(ULPROOF_SOURCE_DIR) + "/tests/trainer/genesis.txt";

CommandResult Train(const std::string& out, std::vector<std::string> more,
                    const std::string& steps = "12") {
  std::vector<std::string> arguments = {"train", "--preset",     "pico", "--steps",
                                        steps,   "--eval-every", "4",    "--data",
                                        kText,   "--out",        out};
  arguments.insert(arguments.end(), more.begin(), more.end());
  return RunUlproof(arguments);
}

TEST(TrainCommandTest, TrainsLogsDrawsAndCasts) {
  const io::TemporaryDirectory directory;
  const CommandResult result = Train(directory / "run", {});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr("step     12  loss"));
  EXPECT_THAT(result.out, HasSubstr("cast to mxfp4"));
  const std::string log = io::ReadFile(directory / "run/log.jsonl");
  EXPECT_EQ(std::count(log.begin(), log.end(), '\n'), 4);  // Steps 1, 4, 8, 12.
  const auto first = nlohmann::json::parse(log.substr(0, log.find('\n')));
  EXPECT_NEAR(first["loss"].get<double>(), 5.55, 0.1);
  EXPECT_EQ(first["step"], 1);
  EXPECT_THAT(io::ReadFile(directory / "run/loss.svg"), HasSubstr("held out"));
  const auto summary = nlohmann::json::parse(io::ReadFile(directory / "run/summary.json"));
  EXPECT_EQ(summary["schema"], "ulproof.train/1");
  EXPECT_EQ(summary["final_weights"].size(), 8u);
  EXPECT_NEAR(summary["extra_bytes_per_sampled_parameter"].get<double>(), 2.016, 0.001);
}

// A run of 12 steps, and one of the same 12 that was killed on the way, end with the same file.
TEST(TrainCommandTest, GoesOnAfterAKill) {
  const io::TemporaryDirectory directory;
  ASSERT_EQ(Train(directory / "a", {"--save-every", "1"}).exit_code, 0);
  std::filesystem::create_directory(directory / "b");
  const CommandResult killed =
      RunUlproof({"train", "--preset", "pico", "--steps", "12", "--eval-every", "4", "--data",
                  kText, "--out", directory / "b", "--save-every", "1"},
                 {.kill_when_exists = "checkpoint", .kill_in_directory = directory / "b"});
  EXPECT_EQ(killed.signal, SIGTERM);
  EXPECT_THAT(Train(directory / "b", {}).err, HasSubstr("--resume goes on with it"));
  const CommandResult resumed = Train(directory / "b", {"--resume", "--save-every", "1"});
  ASSERT_EQ(resumed.exit_code, 0) << resumed.err;
  EXPECT_EQ(io::ReadFile(directory / "a/checkpoint.safetensors"),
            io::ReadFile(directory / "b/checkpoint.safetensors"));
}

// The whole of the new options by hand: a teacher from a directory, a settled b, activations.
TEST(TrainCommandTest, LearnsFromATeacher) {
  const io::TemporaryDirectory directory;
  ASSERT_EQ(Train(directory / "teacher", {"--method", "bf16"}).exit_code, 0);
  const CommandResult result =
      Train(directory / "run", {"--method", "gdnsq,init=8,target=3,settle=0.5,act=8,distill=1",
                                "--teacher", directory / "teacher"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr("b 3.000"));
  const std::string log = io::ReadFile(directory / "run/log.jsonl");
  EXPECT_GT(nlohmann::json::parse(log.substr(0, log.find('\n')))["divergence"].get<double>(), 0);
  EXPECT_THAT(RunUlproof({"train", "--help"}).out, HasSubstr("--teacher"));
}

TEST(TrainCommandTest, RefusesBadInput) {
  const io::TemporaryDirectory directory;
  io::WriteFile(directory / "empty.txt", "");
  io::WriteFile(directory / "one.txt", "x");
  const std::string out = directory / "run";
  const std::tuple<std::vector<std::string>, int, std::string> cases[] = {
      {{"train", "--data", directory / "empty.txt", "--out", out}, 2, "holds 0 tokens, too few"},
      {{"train", "--data", directory / "one.txt", "--out", out}, 2, "holds 1 tokens, too few"},
      {{"train", "--data", directory / "none.txt", "--out", out}, 3, "cannot open"},
      {{"train", "--out", out, "--preset", "nanno"}, 2, "did you mean 'nano'"},
      {{"train", "--out", out, "--method", "gausws"}, 2, "did you mean 'gaussws'"},
      {{"train", "--out", out, "--backend", "cuda"}, 2, "unknown backend"},
      {{"train"}, 2, "--out"},
      {{"train", "--out", out, "--method", "bf16,distill=1"}, 2, "none is given"},
      {{"train", "--out", out, "--teacher", directory / "none"}, 3, "cannot open"},
      {{"train", "--out", out, "--teacher", directory / "one.txt"}, 2, "one.txt"},
      {{"parity", "--seeds", "0"}, 2, "at least one seed"},
      {{"parity", "--bits", "--svg", directory / "p.svg"}, 2, "--bits leaves out"},
      {{"parity", "--bits", "--backend", "none"}, 2, "unknown backend"}};
  for (const auto& [arguments, exit_code, word] : cases) {
    const CommandResult result = RunUlproof(arguments);
    EXPECT_EQ(result.exit_code, exit_code) << testing::PrintToString(arguments) << result.err;
    EXPECT_THAT(result.err, HasSubstr(word));
    EXPECT_EQ(directory.Names(), (std::set<std::string>{"empty.txt", "one.txt"}));
  }
}

TEST(ParityCommandTest, ShortFormAgreesAndReports) {
  const io::TemporaryDirectory directory;
  const CommandResult result =
      RunUlproof({"parity", "--short", "--data", kText, "--steps", "10", "--seeds", "3", "--margin",
                  "0.5", "--backend", "cpu", "--json", directory / "p.json", "--junit",
                  directory / "p.xml", "--svg", directory / "p.svg"});
  EXPECT_EQ(result.exit_code, 0) << result.out << result.err;
  EXPECT_THAT(io::ReadFile(directory / "p.svg"), HasSubstr("held-out loss less the baseline"));
  EXPECT_THAT(result.out, HasSubstr("the same bits in 2 steps"));
  EXPECT_THAT(result.out, HasSubstr("within"));
  const auto record = nlohmann::json::parse(io::ReadFile(directory / "p.json"));
  EXPECT_EQ(record["schema"], "ulproof.parity/1");
  EXPECT_EQ(record["bit_parity"]["backends"][0]["backend"], "cpu");
  EXPECT_FALSE(record["bit_parity"]["backends"][0].contains("divergence"));
  EXPECT_EQ(record["method_parity"]["methods"][1]["verdict"], "within");
  EXPECT_THAT(io::ReadFile(directory / "p.xml"), HasSubstr("failures=\"0\""));
}

TEST(ParityCommandTest, BitsAlone) {
  const io::TemporaryDirectory directory;
  const CommandResult result = RunUlproof({"parity", "--bits", "--preset", "pico", "--data", kText,
                                           "--bit-steps", "1", "--bit-method", "statqat,act=4",
                                           "--backend", "cpu", "--json", directory / "p.json"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr("the same bits in 1 steps"));
  const auto record = nlohmann::json::parse(io::ReadFile(directory / "p.json"));
  EXPECT_FALSE(record.contains("method_parity"));
}

// One seed decides nothing, and what is not decided is no pass.
TEST(ParityCommandTest, UndecidedIsNotAPass) {
  const CommandResult result = RunUlproof(
      {"parity", "--short", "--data", kText, "--steps", "3", "--seeds", "1", "--backend", "cpu"});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.out, HasSubstr("undecided"));
}

}  // namespace
}  // namespace ulproof::cli
