// SPDX-License-Identifier: Apache-2.0
// Campaigns in shards: killed with SIGKILL, resumed, merged. Would catch codes that are lost or
// counted twice over an interruption, a hash put together in the wrong order, and a merge that
// believes shards which do not make a whole.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <random>

#include "tests/cli/run_ulproof.h"
#include "tests/cli/tensor_files.h"
#include "tests/io/temporary_directory.h"

namespace ulproof::cli {
namespace {

using io::TemporaryDirectory;
using testing::HasSubstr;
using Json = nlohmann::json;
using Words = std::vector<std::string>;

Words operator+(Words a, const Words& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

Json ReadJson(const std::string& path) { return Json::parse(io::ReadFile(path)); }

// A report without what differs from run to run: times and the command line.
Json Without(Json report, const Words& keys) {
  for (const std::string& key : keys) EXPECT_EQ(report.erase(key), 1u) << key;
  return report;
}
Json WithoutTimes(Json report) {
  return Without(std::move(report), {"oracle_seconds", "seconds", "rerun"});
}
std::string WithoutTimes(const std::string& text) {
  std::istringstream lines(text);
  std::string kept;
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with("  time") && !line.starts_with("  oracle")) kept += line + "\n";
  }
  return kept;
}

// The files of the shards of a campaign in a directory.
class Shards {
 public:
  Shards(Words command, int count) : command_(std::move(command)), count_(count) {}

  std::string File(int index) const { return directory_ / (std::to_string(index) + ".json"); }
  Words Files() const {
    Words files;
    for (int index = count_; index >= 1; --index) files.push_back(File(index));
    return files;
  }
  CommandResult Run(int index, const CommandSetup& setup = {}) const {
    const std::string shard = std::to_string(index) + "/" + std::to_string(count_);
    Words words = command_ + Words{"--shard", shard, "--checkpoint", File(index)};
    // `conform` has a rhythm of its own.
    if (command_.front() != "conform") words = words + Words{"--checkpoint-seconds", "0"};
    return RunUlproof(words, setup);
  }
  // Kills a shard with SIGKILL as soon as it has written its first state. Tries again where it was
  // done before the signal came.
  void KillInTheMiddle(int index) const {
    for (int tries = 0; tries < 10; ++tries) {
      std::filesystem::remove(File(index));
      Run(index, {.kill_when_exists = std::to_string(index) + ".json",
                  .kill_in_directory = directory_.path(),
                  .kill_signal = SIGKILL});
      if (ReadJson(File(index))["state"] == "partial") return;
    }
    ADD_FAILURE() << "never killed in the middle";
  }
  void RunAll() const {
    for (int index = 1; index <= count_; ++index) EXPECT_EQ(Run(index).exit_code, 0) << index;
  }
  // Writes a file of the campaign again with one field changed.
  void Change(int index, const Json::json_pointer& field, const Json& value) const {
    Json json = ReadJson(File(index));
    json[field] = value;
    std::ofstream(File(index)) << json;
  }
  const TemporaryDirectory& directory() const { return directory_; }

 private:
  const TemporaryDirectory directory_;
  const Words command_;
  const int count_;
};

TEST(CampaignTest, SevenShardsTwoKilledMergeToTheSingleRun) {
  // All 2^32 inputs: long enough to be killed in the middle.
  const Words command = {"exhaustive", "--from", "float32", "--to", "float8_e4m3fn"};
  const Shards shards(command, 7);
  const std::string whole_path = shards.directory() / "whole",
                    merged_path = shards.directory() / "m";
  const CommandResult whole = RunUlproof(command + Words{"--json", whole_path});
  ASSERT_EQ(whole.exit_code, 0) << whole.err;

  shards.KillInTheMiddle(3);
  const Json state = ReadJson(shards.File(3));
  EXPECT_GT(state["result"]["next"], state["result"]["begin"]);
  // At any moments, several times over.
  std::minstd_rand random(7);
  for (int kill = 0; kill < 4; ++kill) {
    shards.Run(5,
               {.kill_after_ms = static_cast<long>(20 + random() % 200), .kill_signal = SIGKILL});
  }
  shards.RunAll();

  const CommandResult merged = RunUlproof(Words{"merge", "--json", merged_path} + shards.Files());
  EXPECT_EQ(merged.exit_code, 0) << merged.err;
  EXPECT_EQ(WithoutTimes(ReadJson(merged_path)), WithoutTimes(ReadJson(whole_path)));
  EXPECT_EQ(WithoutTimes(merged.out), WithoutTimes(whole.out));
  EXPECT_THAT(merged.out, HasSubstr("4,294,967,296 codes"));
}

// A shard of a sweep that takes no time.
Words Small(const std::string& to = "float8_e5m2") {
  return {"exhaustive", "--from", "bfloat16", "--to", to};
}

void ExpectRefused(const Words& files, const std::string& why) {
  const CommandResult result = RunUlproof(Words{"merge"} + files);
  EXPECT_EQ(result.exit_code, 2) << result.out;
  EXPECT_EQ(result.out, "");
  EXPECT_THAT(result.err, HasSubstr(why));
}

TEST(CampaignTest, MergeRefusesWhatIsNotAWhole) {
  const Shards shards(Small(), 3);
  shards.RunAll();
  const std::string a = shards.File(1), b = shards.File(2), c = shards.File(3);
  EXPECT_EQ(RunUlproof({"merge", b, c, a}).exit_code, 0);
  ExpectRefused({a, c}, "a gap: of 3 shards, one is missing: 2");
  ExpectRefused({a, b, c, b}, "an overlap");
  EXPECT_EQ(RunUlproof({"merge", a, b, shards.directory() / "none"}).exit_code, 3);
  const Shards other_cut(Small(), 2);
  other_cut.RunAll();
  ExpectRefused({a, other_cut.File(2)}, "not cut alike");
  const Shards other_op(Small("float8_e4m3fn"), 3);
  other_op.RunAll();
  ExpectRefused({a, b, other_op.File(3)}, "operation is");
  const Shards other_backend(Small() + Words{"--backend", "reference"}, 3);
  other_backend.RunAll();
  ExpectRefused({a, b, other_backend.File(3)}, "backend is");
}

// Catches weights that go by their names alone: the file was replaced between two shards.
TEST(CampaignTest, MergeRefusesOtherWeightsOfTheSameName) {
  const TemporaryDirectory directory;
  const std::string w = directory / "w.npy";
  const Shards shards(
      {"conform", "--ops", "scale,block_max", "--backend", "cpu-scalar", "--weights", w}, 2);
  for (const int shard : {1, 2}) {
    WriteNpy(w, io::kNpyFloat32, {2, 2}, std::vector<float>(4, static_cast<float>(shard)));
    ASSERT_EQ(shards.Run(shard).exit_code, 0);
  }
  ExpectRefused(shards.Files(), "weights_hash is");
}

TEST(CampaignTest, MergeRefusesDamagedFiles) {
  const Shards shards(Small(), 1);
  const struct {
    const char* field;
    Json value;
    const char* why;
  } changes[] = {
      {"/version", "0.0.1", "made by ulproof 0.0.1"},
      {"/schema", "ulproof.campaign/2", "not the file of a campaign"},
      {"/kind", "search", "unknown kind"},
      {"/shard", "0/1", "\"shard\" is not k/n"},
      {"/state", "partial", "not complete"},
      {"/state", 1, "\"state\" is not a text"},
      {"/campaign/operation", "cast from=float64", "\"operation\" is not a cast"},
      {"/result/next", 65535, "\"next\" does not agree"},
      {"/result/nan_inputs", 5, "\"hash_factor\" is not that of so many codes"},
      {"/result/hash_factor", "12", "\"hash_factor\" is not that of so many codes"},
      {"/result/hash_sum", "xyz", "\"hash_sum\" is not hexadecimal"},
      {"/result/mismatches", 1, "\"first_mismatches\" are not as many"},
      {"/result/mismatches", -1, "\"mismatches\" is not a number"},
      {"/result", Json::array(), "\"result\" is not an object"},
  };
  for (const auto& [field, value, why] : changes) {
    std::ofstream(shards.File(1), std::ios::trunc).close();
    std::remove(shards.File(1).c_str());
    shards.RunAll();
    shards.Change(1, Json::json_pointer(field), value);
    ExpectRefused({shards.File(1)}, why);
  }
  std::ofstream(shards.File(1)) << "{\"schema\": ";
  ExpectRefused({shards.File(1)}, "not the file of a campaign");
}

// Runs a campaign whole and in shards, the second of which is killed at its first state.
struct BothWays {
  Json whole, merged;
};
BothWays RunBothWays(const Words& command) {
  const Shards shards(command, 3);
  const std::string whole = shards.directory() / "whole", merged = shards.directory() / "merged";
  EXPECT_EQ(RunUlproof(command + Words{"--json", whole}).exit_code, 0);
  shards.KillInTheMiddle(2);
  shards.RunAll();
  const CommandResult result = RunUlproof(Words{"merge", "--json", merged} + shards.Files());
  EXPECT_EQ(result.exit_code, 0) << result.err;
  return {ReadJson(whole), ReadJson(merged)};
}

TEST(CampaignTest, MutantsInShards) {
  const BothWays both = RunBothWays(
      {"mutate", "--op", "noise law=rg16 pack=int8", "--plain", "--count", "12", "--goal", "0.5"});
  EXPECT_EQ(both.merged["mutants"].size(), 12u);
  EXPECT_EQ(Without(both.merged, {"rerun"}), Without(both.whole, {"rerun"}));
}

TEST(CampaignTest, ConformanceInShards) {
  BothWays both = RunBothWays({"conform", "--ops", "scale", "--backend", "cpu-scalar"});
  for (Json* report : {&both.whole, &both.merged}) {
    *report = Without(*report, {"rerun", "seconds"});
    for (Json& record : (*report)["records"]) record = Without(record, {"seconds"});
  }
  EXPECT_GT(both.merged["records"].size(), 2u);
  EXPECT_EQ(both.merged, both.whole);
}

// Files that say that they are complete, and from which something has gone.
TEST(CampaignTest, MergeCountsWhatTheFilesHold) {
  const auto lose = [](const Words& command, const char* list) {
    const Shards shards(command, 2);
    shards.RunAll();
    EXPECT_EQ(RunUlproof(Words{"merge"} + shards.Files()).exit_code, 0);
    Json json = ReadJson(shards.File(1));
    json["result"][list].erase(0);
    if (json["result"].contains("checks")) json["result"]["checks"] = 0;
    std::ofstream(shards.File(1)) << json;
    ExpectRefused(shards.Files(), "of the campaign that begins here");
  };
  lose({"mutate", "--op", "noise law=rg16 pack=int8", "--plain", "--count", "6", "--goal", "0"},
       "mutants");
  lose({"conform", "--ops", "scale", "--backend", "cpu-scalar"}, "records");
}

// A checkpoint of another command must not be taken for this one's, nor overwritten.
TEST(CampaignTest, CheckpointsBelongToOneCommand) {
  const Shards shards(Small(), 2);
  shards.RunAll();
  const std::string before = io::ReadFile(shards.File(1));
  const Words other[] = {Small("float8_e4m3fn") + Words{"--shard", "1/2"},
                         Small() + Words{"--shard", "2/2"}, Small(),
                         Small() + Words{"--shard", "1/2", "--backend", "reference"}};
  for (const Words& command : other) {
    const CommandResult result = RunUlproof(command + Words{"--checkpoint", shards.File(1)});
    EXPECT_EQ(result.exit_code, 2) << result.out;
    EXPECT_NE(result.err, "");
  }
  EXPECT_EQ(io::ReadFile(shards.File(1)), before);
  const CommandResult again = shards.Run(1);
  EXPECT_EQ(again.exit_code, 0);
  EXPECT_THAT(again.err, HasSubstr("complete already"));
}

}  // namespace
}  // namespace ulproof::cli
