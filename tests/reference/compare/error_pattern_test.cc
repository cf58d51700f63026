// SPDX-License-Identifier: Apache-2.0
#include "reference/compare/error_pattern.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "reference/backend_reference.h"
#include "tests/reference/compare/planted_cases.h"

namespace ulproof::reference {
namespace {

using formats::Case;
using formats::Code;
using formats::Operation;
using formats::Tensor;
using testing::Contains;
using testing::HasSubstr;

// The patterns of a program that is right but where `is_wrong` says; there it gives `spoil` of the
// right code.
std::vector<std::string> PatternsOf(
    std::string_view operation,
    const std::function<bool(const Case&, std::uint64_t row, std::uint64_t col)>& is_wrong,
    const std::function<Code(Code)>& spoil = [](Code code) { return code ^ 1; }) {
  const auto reference = MakeReferenceBackend();
  const std::vector<Case> cases = PlantedCases(operation);
  std::vector<std::vector<Tensor>> expected, got;
  for (const Case& c : cases) {
    expected.push_back(*formats::RunCase(*reference, c));
    got.push_back(expected.back());
    Tensor& output = got.back()[0];
    for (std::uint64_t i = 0; i < output.count(); ++i) {
      if (is_wrong(c, i / c.op.shape.cols, i % c.op.shape.cols))
        output.Set(i, spoil(output.Get(i)));
    }
  }
  std::vector<ComparedCase> compared;
  for (std::size_t k = 0; k < cases.size(); ++k)
    compared.push_back({&cases[k], expected[k], got[k]});
  return ErrorPatterns(compared);
}

constexpr std::string_view kCast = "cast from=float32 to=bfloat16";
constexpr std::string_view kSample = "sample from=bfloat16 to=bfloat16 law=rg16";

// Each would catch a statement that is not found, is buried, or counts the wrong elements.
TEST(ErrorPatternTest, SaysNothingOfARightProgram) {
  EXPECT_TRUE(PatternsOf(kCast, [](const Case&, auto, auto) { return false; }).empty());
}

TEST(ErrorPatternTest, FindsALane) {
  const auto lines = PatternsOf(kSample, [](const Case& c, auto row, auto col) {
    return (row * c.op.shape.cols + col) % 32 == 5;
  });
  EXPECT_THAT(lines[1], HasSubstr("at indices = 5 mod 32 (one lane); and every such element"));
}

TEST(ErrorPatternTest, FindsTheTail) {
  const auto lines = PatternsOf(kCast, [](const Case& c, auto row, auto col) {
    return row * c.op.shape.cols + col >= c.op.shape.count() / 8 * 8;
  });
  EXPECT_THAT(lines[1], HasSubstr("past the last multiple of 8 elements"));
}

TEST(ErrorPatternTest, FindsEdgeBlocks) {
  const auto lines = PatternsOf(kSample, [](const Case& c, auto row, auto col) {
    return row / 32 * 32 + 32 > c.op.shape.rows || col / 32 * 32 + 32 > c.op.shape.cols;
  });
  EXPECT_THAT(lines[1], HasSubstr("in edge blocks; and every such element is wrong"));
}

TEST(ErrorPatternTest, FindsTheFirstElementOfABlock) {
  const auto lines = PatternsOf(
      kSample, [](const Case&, auto row, auto col) { return row % 32 == 0 && col % 32 == 0; });
  EXPECT_THAT(lines[1], HasSubstr("the first element of their block; and every"));
}

TEST(ErrorPatternTest, FindsAColumnBit) {
  const auto lines =
      PatternsOf(kSample, [](const Case&, auto, auto col) { return (col & 16) != 0; });
  EXPECT_THAT(lines[1], HasSubstr("in columns with bit 4 = 1 in the block"));
}

TEST(ErrorPatternTest, FindsNanInputs) {
  const auto lines = PatternsOf(kCast, [](const Case& c, auto row, auto col) {
    return formats::kFloat32.IsNan(c.inputs[0].Get(row * c.op.shape.cols + col));
  });
  EXPECT_THAT(lines[1], testing::AnyOf(HasSubstr("at NaN inputs"), HasSubstr("where NaN is")));
}

TEST(ErrorPatternTest, FindsABinade) {
  const auto lines = PatternsOf(kCast, [](const Case& c, auto row, auto col) {
    const Code code = c.inputs[0].Get(row * c.op.shape.cols + col);
    return (code >> 23 & 0xFF) == 127 - 3;
  });
  EXPECT_THAT(lines, Contains(HasSubstr("at inputs in the binade 2^-3; and every such element")));
}

TEST(ErrorPatternTest, SaysWhatErrorsLookLike) {
  const auto lines = PatternsOf(
      kCast,
      [](const Case& c, auto row, auto col) {
        const Code code = c.inputs[0].Get(row * c.op.shape.cols + col);
        return (row + 3 * col) % 7 == 0 && (code >> 23 & 0xFF) % 255 > 20;
      },
      [](Code code) { return code ^ 0x8000; });
  EXPECT_THAT(lines.front(), HasSubstr("elements are wrong"));
  EXPECT_THAT(lines.back(), HasSubstr("wrong sign"));
}

}  // namespace
}  // namespace ulproof::reference
