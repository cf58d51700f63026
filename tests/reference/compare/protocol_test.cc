// SPDX-License-Identifier: Apache-2.0
#include "reference/compare/protocol.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "base/text.h"
#include "reference/backend_reference.h"

namespace ulproof::reference {
namespace {

using formats::Operation;
using testing::HasSubstr;

Operation Op(std::string_view text) {
  auto op = formats::ParseOperation(text);
  EXPECT_TRUE(op.ok()) << op.error().ToString();
  return *op;
}

// What a right program gives back for at most `limit` lines of gen.
std::vector<std::string> RightLines(const Operation& op, int level, std::uint64_t seed,
                                    std::size_t limit) {
  const auto reference = MakeReferenceBackend();
  std::vector<std::string> lines;
  GenerateLines(op, level, seed, [&](const std::string& line) {
    std::string_view rest;
    const auto c = ParseInputLine(op, line, 1, rest);
    EXPECT_TRUE(c.ok()) << c.error().ToString() << "\n" << line;
    EXPECT_TRUE(rest.empty());
    EXPECT_EQ(InputLine(op, *c), line);
    const auto outputs = formats::RunCase(*reference, *c);
    lines.push_back(line + OutputText(*c, *outputs));
    return lines.size() < limit;
  });
  return lines;
}

base::Result<CheckedLines> Check(const Operation& op, const std::string& text,
                                 std::optional<Generated> generated = {}) {
  std::istringstream in(text);
  const auto reference = MakeReferenceBackend();
  return CheckLines(op, in, *reference, generated);
}

std::string Join(const std::vector<std::string>& lines) {
  std::string text;
  for (const std::string& line : lines) text += line + "\n";
  return text;
}

constexpr auto kSpecs = std::to_array<std::string_view>(
    {"noise law=rg16", "noise law=rgbits pack=nibbles", "noise law=uniform",
     "cast from=float32 to=float8_e4m3fn round=rne overflow=sat",
     "cast from=bfloat16 to=float8_e5m2 round=sra8 overflow=ovf", "block_max from=bfloat16",
     "scale pow2=1", "sample from=bfloat16 to=float16 law=rg32 bits=block block=16x16",
     "backward from=float32 law=rg16", "quantize from=bfloat16 format=mxfp4 rule=even",
     "quantize from=float32 format=nvfp4", "quantize from=bfloat16 format=mxint8",
     "dequantize format=mxint8 to=bfloat16", "dequantize format=nvfp4 to=float32"});

// Would catch any token that is written and read differently, for every kind of operation.
TEST(ProtocolTest, RightAnswersPass) {
  for (const std::string_view spec : kSpecs) {
    const Operation op = Op(spec);
    const std::vector<std::string> lines = RightLines(op, 1, 5, 60);
    const auto checked = Check(op, Join(lines));
    ASSERT_TRUE(checked.ok()) << spec << ": " << checked.error().ToString();
    EXPECT_EQ(checked->lines, lines.size());
    EXPECT_EQ(checked->comparison.mismatches, 0u) << spec;
  }
}

// Would catch a check that overlooks a wrong output or names the wrong line.
TEST(ProtocolTest, WrongAnswersAreFoundWithTheirLine) {
  for (const std::string_view spec : kSpecs) {
    const Operation op = Op(spec);
    std::vector<std::string> lines = RightLines(op, 1, 6, 40);
    std::string& line = lines[17];
    // The last output token of line 18 becomes another number.
    const std::size_t last = line.rfind(' ') + 1;
    const std::string token = line.substr(last);
    line.replace(last, token.npos, token == "1" || token == "01" ? "0" : "1");
    const auto checked = Check(op, Join(lines));
    ASSERT_TRUE(checked.ok()) << spec << ": " << checked.error().ToString();
    EXPECT_EQ(checked->wrong_lines, 1u) << spec;
    EXPECT_EQ(checked->first_wrong_line, 18);
    EXPECT_TRUE(formats::ParseCase(checked->first_input).ok());
  }
}

// Would catch malformed lines that pass, and errors without a place.
TEST(ProtocolTest, MalformedLinesHaveLineAndColumn) {
  const Operation cast = Op("cast from=float32 to=bfloat16");
  const Operation sample = Op("sample law=rg16");
  const struct {
    const Operation& op;
    std::string text;
    int line;
    int column;
    std::string message;
  } cases[] = {
      {cast, "3f800000 3f80\n3f80000g 3f80\n", 2, 1, "hexadecimal"},
      {cast, "3f800000 3f80\n3f800000\n", 2, 9, "ends where y[0]"},
      {cast, "3f800000 13f80\n", 1, 10, "larger"},
      {cast, "3f800000 3f80 0\n", 1, 15, "after the last output"},
      {cast, "3f800000 3f80\n3f800000 3f8", 2, 13, "newline"},
      {cast, "\n", 1, 1, "ends where x[0]"},
      {cast, "", 0, 0, "no lines"},
      {sample, "2 x 0 0\n", 1, 3, "columns"},
      {sample, "0 4 0 0\n", 1, 5, "no elements"},
      {sample, "1 2 0 3f800000 3f800000\n", 1, 24, "bits[0]"},
      {sample, "4096 4096 0\n", 1, 6, "more than"},
  };
  for (const auto& [op, text, line, column, message] : cases) {
    const auto checked = Check(op, text);
    ASSERT_FALSE(checked.ok()) << text;
    EXPECT_EQ(checked.error().exit_code, base::ExitCode::kUsage);
    EXPECT_EQ(checked.error().line, line) << text;
    EXPECT_EQ(checked.error().column, column) << text << checked.error().message;
    EXPECT_THAT(checked.error().message, HasSubstr(message)) << text;
  }
}

// Would catch lines lost, changed or added by a program whose other answers are right.
TEST(ProtocolTest, KnowsEveryLineOfGen) {
  const Operation op = Op("noise law=rg16");
  const Generated sent = {1, 9};
  const std::vector<std::string> all = RightLines(op, 1, 9, 1'000'000);
  const auto complete = Check(op, Join(all), sent);
  ASSERT_TRUE(complete.ok()) << complete.error().ToString();
  EXPECT_EQ(complete->lines, all.size());
  std::vector<std::string> lines = all;
  lines.pop_back();
  EXPECT_FALSE(Check(op, Join(lines), sent).ok());
  lines = all;
  lines.erase(lines.begin() + 3);
  const auto skipped = Check(op, Join(lines), sent);
  ASSERT_FALSE(skipped.ok());
  EXPECT_EQ(skipped.error().line, 4);
  lines = all;
  lines.push_back(all[0]);
  EXPECT_FALSE(Check(op, Join(lines), sent).ok());
  EXPECT_FALSE(Check(op, Join(all), Generated{1, 10}).ok());
}

// Would catch a level that is not exhaustive, or a generator that depends on anything but its
// arguments.
TEST(ProtocolTest, LevelTwoOfSixteenBitsIsExhaustive) {
  const Operation op = Op("cast from=bfloat16 to=float8_e4m3fn");
  std::uint64_t next = 0;
  GenerateLines(op, 2, 1, [&](const std::string& line) {
    EXPECT_EQ(*base::ParseHex(line, "x"), next++);
    return true;
  });
  EXPECT_EQ(next, 65536u);
  const Operation scale = Op("scale");
  EXPECT_EQ(RightLines(scale, 1, 3, 50), RightLines(scale, 1, 3, 50));
  EXPECT_NE(RightLines(scale, 1, 3, 50), RightLines(scale, 1, 4, 50));
}

}  // namespace
}  // namespace ulproof::reference
