// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "io/npy.h"
#include "tests/cli/run_ulproof.h"
#include "tests/io/temporary_directory.h"

namespace ulproof::cli {
namespace {

using io::TemporaryDirectory;
using ::testing::HasSubstr;

std::vector<std::string> Noise(const std::string& law, const std::string& offset,
                               const std::string& count, std::vector<std::string> more = {}) {
  std::vector<std::string> arguments = {"noise", "--law",    law,    "--seed",  "1",  "--stream",
                                        "2",     "--offset", offset, "--count", count};
  arguments.insert(arguments.end(), more.begin(), more.end());
  return arguments;
}

// Catches a wrong key, offset or law; known answers made by an exact rational implementation.
TEST(NoiseCommandTest, KnownAnswers) {
  EXPECT_EQ(RunUlproof(Noise("rg16", "5", "20")).out,
            "0\n0\n1\n0\n0\n0\n0\n1\n0\n0\n1\n0\n-1\n0\n0\n0\n-1\n0\n0\n0\n");
  // R * 2^24 of elements 5 to 8: 5964976, -3910625, -7468228, 1306430.
  EXPECT_EQ(RunUlproof(Noise("uniform", "5", "4")).out,
            "0x1.6c12cp-2\n-0x1.dd5f08p-3\n-0x1.c7d31p-2\n0x1.3ef3ep-4\n");
}

// Catches noise that depends on where a call begins, over every law.
TEST(NoiseCommandTest, AShardIsAPartOfTheWhole) {
  for (const std::string law : {"rg16", "rg32", "rgbits", "boxmuller", "uniform", "normal2"}) {
    const std::string whole = RunUlproof(Noise(law, "3", "100")).out;
    const std::string first = RunUlproof(Noise(law, "3", "37")).out;
    const std::string second = RunUlproof(Noise(law, "40", "63")).out;
    EXPECT_EQ(first + second, whole) << law;
  }
}

// Catches a file that says something else than the text.
TEST(NoiseCommandTest, FilesHoldTheSameNoise) {
  const TemporaryDirectory directory;
  const CommandResult text = RunUlproof(Noise("rg32", "9", "1000"));
  const CommandResult result =
      RunUlproof(Noise("rg32", "9", "1000", {"--out", directory / "r.npy"}));
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_EQ(result.out + result.err, "");
  const auto file = io::NpyReader::Open(directory / "r.npy");
  ASSERT_TRUE(file.ok());
  EXPECT_EQ(file->header(), (io::NpyHeader{io::kNpyInt8, {1000}}));
  std::vector<std::int8_t> noise(1000);
  ASSERT_TRUE(file->Read(0, 1000, noise.data()).ok());
  std::istringstream lines(text.out);
  for (int i = 0, value; i < 1000; ++i) {
    lines >> value;
    ASSERT_EQ(noise[static_cast<std::size_t>(i)], value) << i;
  }
  ASSERT_EQ(RunUlproof(Noise("normal2", "0", "3", {"--out", directory / "z.npy"})).exit_code, 0);
  EXPECT_EQ(io::NpyReader::Open(directory / "z.npy")->header().type, io::kNpyFloat32);
}

// Catches an index that restarts when a large call is made in chunks.
TEST(NoiseCommandTest, LargeCountsAreOneCall) {
  const TemporaryDirectory directory;
  ASSERT_EQ(RunUlproof(Noise("rg16", "3", "3000000", {"--out", directory / "whole.npy"})).exit_code,
            0);
  ASSERT_EQ(
      RunUlproof(Noise("rg16", "2999003", "1000", {"--out", directory / "end.npy"})).exit_code, 0);
  const std::string whole = io::ReadFile(directory / "whole.npy");
  const std::string end = io::ReadFile(directory / "end.npy");
  ASSERT_EQ(whole.size(), 128u + 3000000);
  EXPECT_EQ(whole.substr(whole.size() - 1000), end.substr(end.size() - 1000));
}

TEST(NoiseCommandTest, RefusesBadNumbers) {
  const std::vector<std::pair<std::vector<std::string>, std::string>> cases = {
      {{"noise", "--count", "1", "--seed", "18446744073709551616"}, "larger than"},
      {{"noise", "--count", "1", "--seed=-1"}, "not an unsigned decimal number"},
      {{"noise", "--count", "1", "--stream", "1.5"}, "not an unsigned decimal number"},
      {{"noise", "--count", "0"}, "no elements"},
      {{"noise", "--count", "2", "--offset", "18446744073709551615"}, "2^64"},
      {{"noise", "--count", "18446744073709551615"}, "2^40"},
      {{"noise"}, "--count"},
  };
  for (const auto& [arguments, word] : cases) {
    const CommandResult result = RunUlproof(arguments);
    EXPECT_EQ(result.exit_code, 2) << word;
    EXPECT_THAT(result.err, HasSubstr(word));
  }
  EXPECT_EQ(RunUlproof({"noise", "--count", "1", "--offset", "18446744073709551615"}).exit_code, 0);
}

// Catches half a file after a write that failed.
TEST(NoiseCommandTest, FailuresLeaveNoFile) {
  const TemporaryDirectory directory;
  const CommandResult full = RunUlproof(
      Noise("rg16", "0", "5000000", {"--out", directory / "r.npy"}), {.max_file_bytes = 100000});
  EXPECT_EQ(full.exit_code, 3);
  EXPECT_THAT(full.err, HasSubstr(directory / "r.npy"));
  const std::string missing = directory / "no" + "/r.npy";
  EXPECT_EQ(RunUlproof(Noise("rg16", "0", "5", {"--out", missing})).exit_code, 3);
  EXPECT_EQ(RunUlproof(Noise("rg16", "0", "5", {"--out", "/dev/full"})).exit_code, 3);
  EXPECT_EQ(directory.Names(), std::set<std::string>{});
}

}  // namespace
}  // namespace ulproof::cli
