// SPDX-License-Identifier: Apache-2.0
// The expressions of a manifest, against values worked out by hand: a wrong precedence or an
// overflow that wraps would launch a kernel on the wrong grid, which looks like the user's bug.
#include "gpu/user_kernel/expression.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <string>

namespace ulproof::gpu {
namespace {

using testing::HasSubstr;

constexpr std::array<std::string_view, 2> kNames = {"rows", "cols"};
constexpr std::array<std::uint64_t, 2> kValues = {7, 100};

base::Result<std::uint64_t> ValueOf(const std::string& text) {
  const auto expression = Expression::Parse(text, kNames);
  if (!expression.ok()) return expression.error();
  return expression->Evaluate(kValues);
}

TEST(ExpressionTest, Values) {
  struct Row {
    const char* text;
    std::uint64_t value;
  };
  for (const Row& row : {Row{"3", 3},
                         {"0x1f", 31},
                         {"rows", 7},
                         {" rows * cols ", 700},
                         {"1 + 2 * 3", 7},
                         {"(1 + 2) * 3", 9},
                         {"10 - 3 - 2", 5},
                         {"100 / 7 / 2", 7},
                         {"100 % 7", 2},
                         {"cols / 8 * 8", 96},
                         {"ceil_div(cols, 32)", 4},
                         {"ceil_div(96, 32)", 3},
                         {"ceil_div(0, 32)", 0},
                         {"min(rows, cols)", 7},
                         {"max(rows, cols)", 100},
                         {"min(ceil_div(rows * cols, 256), 8192)", 3},
                         {"max(min(1, 2), min(4, 3)) + 1", 4},
                         {"18446744073709551615", ~std::uint64_t{0}},
                         {"ceil_div(18446744073709551615, 2)", std::uint64_t{1} << 63}}) {
    const auto value = ValueOf(row.text);
    ASSERT_TRUE(value.ok()) << row.text << ": " << value.error().ToString();
    EXPECT_EQ(*value, row.value) << row.text;
  }
}

TEST(ExpressionTest, Errors) {
  struct Row {
    const char* text;
    const char* message;
  };
  for (const Row& row : {Row{"", "column 1: expected a number"},
                         {"rows +", "column 7: expected a number"},
                         {"rows cols", "column 6: expected an operator"},
                         {"row", "column 1: unknown name 'row' (did you mean 'rows'?)"},
                         {"1 + coils", "column 5: unknown name 'coils'"},
                         {"mix(1, 2)", "unknown function 'mix'"},
                         {"min(1)", "expected ','"},
                         {"min(1, 2", "expected ')'"},
                         {"(1", "expected ')'"},
                         {"1)", "expected an operator"},
                         {"12ab", "column 1: "},
                         {"0x", "column 1: "},
                         {"-1", "expected a number"},
                         {"18446744073709551616", "column 1: "},
                         {"rows / 0", "division by zero"},
                         {"rows % (cols - 100)", "division by zero"},
                         {"ceil_div(1, 0)", "division by zero"},
                         {"rows - cols", "a difference below zero"},
                         {"18446744073709551615 + 1", "a sum beyond 64 bits"},
                         {"4294967296 * 4294967296", "a product beyond 64 bits"}}) {
    const auto value = ValueOf(row.text);
    ASSERT_FALSE(value.ok()) << row.text << " is " << *value;
    EXPECT_THAT(value.error().message, HasSubstr(row.message));
    EXPECT_EQ(value.error().exit_code, base::ExitCode::kUsage);
  }
}

// A manifest is outside input: depth must not exhaust the stack.
TEST(ExpressionTest, DeepNestingIsAnError) {
  EXPECT_FALSE(ValueOf(std::string(100000, '(')).ok());
  EXPECT_TRUE(ValueOf(std::string(20, '(') + "1" + std::string(20, ')')).ok());
  std::string sum = "1";
  for (int i = 0; i < 1000; ++i) sum += " + 1";
  EXPECT_EQ(*ValueOf(sum), 1001u);
}

TEST(ExpressionTest, KnowsWhatItUses) {
  const auto expression = Expression::Parse("ceil_div(cols, 32)", kNames);
  ASSERT_TRUE(expression.ok());
  EXPECT_FALSE(expression->Uses(0));
  EXPECT_TRUE(expression->Uses(1));
  EXPECT_EQ(expression->text(), "ceil_div(cols, 32)");
  EXPECT_FALSE(Expression::Constant(5).Uses(1));
}

}  // namespace
}  // namespace ulproof::gpu
