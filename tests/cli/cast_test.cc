// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/cli/run_ulproof.h"

namespace ulproof::cli {
namespace {

using ::testing::HasSubstr;

std::vector<std::string> Cast(const std::string& from, const std::string& to,
                              std::vector<std::string> more = {}) {
  std::vector<std::string> arguments = {"cast", "--from", from, "--to", to};
  arguments.insert(arguments.end(), more.begin(), more.end());
  return arguments;
}

// Catches wrong rounding, width or letter case; the answers are worked out by hand from section 2.
TEST(CastCommandTest, PrintsCodesAtTheFormatsWidth) {
  // 1 + 2^-8 is a tie of bfloat16; 464 is one of float8_e4m3fn between 448 and overflow.
  EXPECT_EQ(RunUlproof(Cast("float32", "bfloat16", {"3f808000", "3f818000", "7fc00001", "0"})).out,
            "3f80\n3f82\n7fc0\n0000\n");
  EXPECT_EQ(RunUlproof(Cast("float32", "float8_e4m3fn", {"43e80000", "0x43E80001"})).out,
            "7e\n7f\n");
  EXPECT_EQ(RunUlproof(Cast("float32", "float6_e3m2fn", {"--overflow", "sat", "ff800000"})).out,
            "3f\n");
  EXPECT_EQ(RunUlproof(Cast("float32", "float4_e2m1fn", {"--round", "rtz", "40bfffff"})).out,
            "6\n");
  EXPECT_EQ(RunUlproof(Cast("bfloat16", "float64", {"3f80"})).out, "3ff0000000000000\n");
}

// Catches skipped, doubled or misread lines.
TEST(CastCommandTest, ReadsLines) {
  const CommandResult result =
      RunUlproof(Cast("float32", "bfloat16"),
                 {.input = "# ties\n\n  3f808000\t\r\n3f818000 # odd\n0x7F800000\n0"});
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_EQ(result.out, "3f80\n3f82\n7f80\n0000\n");
  EXPECT_EQ(RunUlproof(Cast("float32", "bfloat16"), {.input = ""}).out, "");
}

// Catches a place that is off, and output after an error being taken for complete.
TEST(CastCommandTest, ErrorsNameTheLine) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"3f80\n\n10000\n", "stdin:3: code '10000' is larger than 0xffff"},
      {"xyz\n", "stdin:1: code 'xyz' is not a hexadecimal number"},
      {"0\n-1\n", "stdin:2:"},
      {"1 2\n", "stdin:1:"},
      {"0x\n", "stdin:1:"},
      {"11111111111111111\n", "stdin:1:"},
  };
  for (const auto& [input, message] : cases) {
    const CommandResult result = RunUlproof(Cast("bfloat16", "float32"), {.input = input});
    EXPECT_EQ(result.exit_code, 2) << input;
    EXPECT_THAT(result.err, HasSubstr(message));
  }
  const CommandResult late = RunUlproof(Cast("bfloat16", "float32"), {.input = "3f80\nxyz\n"});
  EXPECT_EQ(late.out, "3f800000\n");
  EXPECT_EQ(RunUlproof(Cast("float4_e2m1fn", "float32", {"10"})).exit_code, 2);
}

// Catches values that pass through another format: 0.1 is rounded once, from its exact decimal
// value.
TEST(CastCommandTest, TakesAndShowsValues) {
  EXPECT_EQ(RunUlproof(Cast("float32", "bfloat16",
                            {"--values", "--", "0.1", "1.5", "-0", "inf", "-inf", "nan", "0x1.8p-3",
                             "1e-40"}))
                .out,
            "0.10009765625\n1.5\n-0\ninf\n-inf\nnan\n0.1875\n0x1p-133\n");
  // Nearest float32 to a value just above a tie; in binary64 it would be the tie, and round to
  // even.
  EXPECT_EQ(
      RunUlproof(Cast("float32", "float32", {"--values", "1.00000005960464477539062500000001"}))
          .out,
      "0x1.000002p+0\n");
  EXPECT_EQ(RunUlproof(Cast("float32", "bfloat16", {"--values", "one"})).exit_code, 2);
  EXPECT_EQ(RunUlproof(Cast("float32", "bfloat16", {"--values"}), {.input = "2\n-3.5 # x\n"}).out,
            "2\n-3.5\n");
}

// Catches a wrong r: sra8 of 1 + 2^-8 (nu = 1/2) rounds away iff 128 + r >= 256.
TEST(CastCommandTest, StochasticWithAGivenRandom) {
  const auto run = [](const std::string& r) {
    return RunUlproof(Cast("float32", "bfloat16", {"--round", "sra8", "--random", r, "3f808000"}));
  };
  EXPECT_EQ(run("127").out, "3f80\n");
  EXPECT_EQ(run("128").out, "3f81\n");
  EXPECT_EQ(run("256").exit_code, 2);
  EXPECT_EQ(run("-1").exit_code, 2);
  EXPECT_EQ(RunUlproof(Cast("float32", "bfloat16", {"--random", "1", "0"})).exit_code, 2);
  EXPECT_EQ(RunUlproof(Cast("float32", "bfloat16",
                            {"--round", "sra8", "--random", "1", "--seed", "1", "0"}))
                .exit_code,
            2);
}

// Catches an index that restarts in a chunk: element i of the input has the logical index offset +
// i, however the input comes in pieces.
TEST(CastCommandTest, ElementIndexRunsThroughTheInput) {
  const std::vector<std::string> options = {"--round", "srb16", "--seed", "5", "--stream", "6"};
  const auto run = [&](std::uint64_t offset, std::size_t count) {
    std::vector<std::string> more = options;
    more.insert(more.end(), {"--offset", fmt::format("{}", offset)});
    std::string input;
    for (std::size_t i = 0; i < count; ++i) input += "3f808000\n";
    return RunUlproof(Cast("float32", "bfloat16", more), {.input = input}).out;
  };
  const std::string whole = run(7, 150000);
  ASSERT_EQ(whole.size(), 150000u * 5);
  EXPECT_EQ(run(7 + 140000, 10000), whole.substr(140000 * 5));
  EXPECT_THAT(whole, HasSubstr("3f81"));
  EXPECT_EQ(RunUlproof(Cast("float32", "bfloat16",
                            {"--round", "sra8", "--offset", "18446744073709551615", "0", "0"}))
                .exit_code,
            2);
}

// Catches backends that differ, through the same door.
TEST(CastCommandTest, BackendsAgree) {
  std::string input;
  for (std::uint64_t i = 0; i < 65536; ++i) input += fmt::format("{:04x}\n", i);
  for (const std::string round : {"rne", "rto", "srb7"}) {
    const std::vector<std::string> more = {"--round", round, "--backend"};
    const auto run = [&](const std::string& backend) {
      auto arguments = Cast("bfloat16", "float8_e4m3fn", more);
      arguments.push_back(backend);
      const CommandResult result = RunUlproof(arguments, {.input = input});
      EXPECT_EQ(result.exit_code, 0) << result.err;
      return result.out;
    };
    EXPECT_EQ(run("cpu"), run("reference")) << round;
  }
}

}  // namespace
}  // namespace ulproof::cli
