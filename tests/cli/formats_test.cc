// SPDX-License-Identifier: Apache-2.0
// ulproof formats, and what every command shares: help, version, unknown words, exit codes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "formats/catalogue.h"
#include "tests/cli/run_ulproof.h"

namespace ulproof::cli {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

// Catches a catalogue row that the list leaves out.
TEST(FormatsCommandTest, ListsTheWholeCatalogue) {
  const CommandResult result = RunUlproof({"formats"});
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_EQ(result.err, "");
  for (const formats::CatalogueEntry& entry : formats::kCatalogue) {
    EXPECT_THAT(result.out, HasSubstr("\n" + std::string(entry.name) + " "));
  }
}

// Catches wrong derived parameters; the numbers are those of the OFP8 specification.
TEST(FormatsCommandTest, ShowsOneFormat) {
  const CommandResult result = RunUlproof({"formats", "float8_e4m3fn"});
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_THAT(result.out,
              AllOf(HasSubstr("8 = 1 sign + 4 exponent + 3 trailing"),
                    HasSubstr("0x7e = 448 = 0x1.cp+8"), HasSubstr("0x08 = 0.015625 = 0x1p-6"),
                    HasSubstr("0x01 = 0.001953125 = 0x1p-9"), HasSubstr("infinity       none"),
                    HasSubstr("canonical NaN  0x7f"), HasSubstr("epsilon        2^-3")));
}

// Catches a table that skips or repeats codes, for every catalogue format that has one.
TEST(FormatsCommandTest, TablesHaveEveryCodeOnce) {
  for (const formats::CatalogueEntry& entry : formats::kCatalogue) {
    const CommandResult result = RunUlproof({"formats", std::string(entry.name), "--table"});
    if (entry.spec.storage_bits() > 16) {
      EXPECT_EQ(result.exit_code, 2);
      EXPECT_THAT(result.err, HasSubstr("at most 16 bits"));
      continue;
    }
    EXPECT_EQ(result.exit_code, 0);
    EXPECT_EQ(std::count(result.out.begin(), result.out.end(), '\n'),
              std::int64_t{1} << entry.spec.storage_bits())
        << entry.name;
  }
  EXPECT_THAT(RunUlproof({"formats", "float4_e2m1fn", "--table"}).out,
              AllOf(StartsWith("0x0  zero"), HasSubstr("\n0x7  normal     0x1.8p+2          6\n")));
}

// Catches text that is not JSON, and JSON that contradicts the text.
TEST(FormatsCommandTest, PrintsJson) {
  const auto all = nlohmann::json::parse(RunUlproof({"formats", "--json"}).out);
  ASSERT_EQ(all.size(), formats::kCatalogue.size());
  const auto one =
      nlohmann::json::parse(RunUlproof({"formats", "float8_e5m2", "--json", "--table"}).out);
  EXPECT_EQ(one["max_finite"]["decimal"], "57344");
  EXPECT_EQ(one["infinity"]["code"], "0x7c");
  EXPECT_EQ(one["table"].size(), 256u);
  EXPECT_EQ(one["table"][0x7c]["class"], "infinity");
  const auto e8m0 = nlohmann::json::parse(RunUlproof({"formats", "float8_e8m0fnu", "--json"}).out);
  EXPECT_TRUE(e8m0["zero"].is_null() && e8m0["min_subnormal"].is_null());
  EXPECT_EQ(e8m0["min_normal"]["value"], "0x1p-127");
}

TEST(FormatsCommandTest, TakesGenericNames) {
  EXPECT_THAT(RunUlproof({"formats", "e3m4b5fnuz"}).out, HasSubstr("bias           5"));
  // No exponent above the specials: the largest finite value is 0, and nothing is normal.
  const CommandResult tiny = RunUlproof({"formats", "e1m0"});
  EXPECT_EQ(tiny.exit_code, 0);
  EXPECT_THAT(tiny.out, HasSubstr("min normal     none"));
}

// Catches an unknown word that is accepted, or refused without the nearest known one.
TEST(CommandLineTest, SuggestsTheNearestName) {
  const std::vector<std::pair<std::vector<std::string>, std::string>> cases = {
      {{"formats", "float8_e4m3nf"}, "did you mean 'float8_e4m3fn'?"},
      {{"fromats"}, "unknown command 'fromats' (did you mean 'formats'?)"},
      {{"--threads", "1", "caste"}, "unknown command 'caste' (did you mean 'cast'?)"},
      {{"cast", "--from", "bflot16", "--to", "float32", "0"}, "did you mean 'bfloat16'?"},
      {{"cast", "--from", "float32", "--to", "bfloat16", "--round", "rn", "0"}, "unknown"},
      {{"cast", "--from", "float32", "--to", "bfloat16", "--overflow", "stat", "0"}, "'sat'"},
      {{"noise", "--law", "rg17", "--count", "1"}, "did you mean 'rg16'?"},
      {{"noise", "--count", "1", "--backend", "referense"}, "did you mean 'reference'?"},
      {{"quantize", "x.npy", "--format", "mxfp5", "--out", "q.safetensors"}, "mxfp4"},
      {{"quantize", "x.npy", "--format", "mxfp4", "--scale-rule", "cell", "--out", "q.safetensors"},
       "did you mean 'ceil'?"},
  };
  for (const auto& [arguments, word] : cases) {
    const CommandResult result = RunUlproof(arguments);
    EXPECT_EQ(result.exit_code, 2) << word;
    EXPECT_EQ(result.out, "");
    EXPECT_THAT(result.err, AllOf(StartsWith("ulproof: "), HasSubstr(word)));
  }
}

// Catches a command without an example (an indented line that calls it), or help that is an error.
TEST(CommandLineTest, EveryCommandHasHelpWithExamples) {
  const CommandResult help = RunUlproof({"--help"});
  EXPECT_EQ(help.exit_code, 0);
  for (const std::string command :
       {"conform", "exhaustive", "replay", "gen", "check", "formats", "cast", "noise", "sample",
        "quantize", "dequantize", "version"}) {
    EXPECT_THAT(help.out, HasSubstr("\n  " + command));
    const CommandResult result = RunUlproof({command, "--help"});
    EXPECT_EQ(result.exit_code, 0) << command;
    EXPECT_EQ(result.err, "") << command;
    EXPECT_THAT(result.out, HasSubstr("  ulproof " + command));
  }
}

TEST(CommandLineTest, UsageErrorsAreExitCode2) {
  const std::vector<std::vector<std::string>> cases = {
      {},
      {"cast"},
      {"cast", "--from", "float32"},
      {"noise", "--count", "1", "--nonsense"},
      {"noise", "--count"},
      {"formats", "bfloat16", "extra"},
      {"formats", "--table"},
      {"--threads", "0x2", "formats"},
      {"--threads", "1025", "formats"},
  };
  for (const auto& arguments : cases) {
    const CommandResult result = RunUlproof(arguments);
    EXPECT_EQ(result.exit_code, 2) << testing::PrintToString(arguments);
    EXPECT_THAT(result.err, StartsWith("ulproof: "));
    EXPECT_EQ(result.out, "");
  }
}

TEST(CommandLineTest, ShowsItsVersion) {
  EXPECT_EQ(RunUlproof({"--version"}).out, "ulproof " ULPROOF_VERSION "\n");
  const CommandResult version = RunUlproof({"version"});
  EXPECT_EQ(version.exit_code, 0);
  EXPECT_THAT(version.out, AllOf(StartsWith("ulproof " ULPROOF_VERSION "\n"),
                                 HasSubstr("backend reference\n"), HasSubstr("backend cpu\n")));
  EXPECT_THAT(RunUlproof({"version", "--threads", "3"}).out, HasSubstr("threads 3\n"));
  EXPECT_THAT(RunUlproof({"version"}, {.environment = {"ULPROOF_THREADS=2"}}).out,
              HasSubstr("threads 2\n"));
}

// Catches output that is lost without a word: a full device behind stdout is exit code 3.
TEST(CommandLineTest, AFullOutputIsExitCode3) {
  for (const std::vector<std::string>& arguments :
       {std::vector<std::string>{"formats"},
        {"version"},
        {"noise", "--count", "3000000"},
        {"cast", "--from", "float32", "--to", "bfloat16", "0"}}) {
    const CommandResult result = RunUlproof(arguments, {.out_path = "/dev/full"});
    EXPECT_EQ(result.exit_code, 3) << arguments[0];
    EXPECT_THAT(result.err, HasSubstr("standard output"));
  }
}

}  // namespace
}  // namespace ulproof::cli
