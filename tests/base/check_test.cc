// SPDX-License-Identifier: Apache-2.0
// ULPROOF_CHECK aborts with the place and the values. Would catch a check that is compiled out,
// that evaluates its message always, or that says nothing.
#include "base/check.h"

#include <gtest/gtest.h>

#include <string>

namespace ulproof::base {
namespace {

TEST(CheckDeathTest, PrintsPlaceConditionAndDetail) {
  const int count = 3;
  EXPECT_DEATH(ULPROOF_CHECK(count == 4, "count is " + std::to_string(count)),
               "check_test.cc:[0-9]+: broken promise: count == 4: count is 3");
  EXPECT_DEATH(ULPROOF_CHECK(count == 4), "broken promise: count == 4\n");
}

TEST(CheckTest, AHeldPromiseCostsNoMessage) {
  int messages = 0;
  const auto message = [&] {
    ++messages;
    return std::string("never");
  };
  ULPROOF_CHECK(true, message());
  EXPECT_EQ(messages, 0);
}

// The macro is an expression, so it is safe as the only statement of an if with an else.
TEST(CheckTest, StandsWhereAStatementStands) {
  bool reached = false;
  if (!reached)
    ULPROOF_CHECK(!reached);
  else
    reached = true;
  EXPECT_FALSE(reached);
}

}  // namespace
}  // namespace ulproof::base
