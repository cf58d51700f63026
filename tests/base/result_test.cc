// SPDX-License-Identifier: Apache-2.0
// Result and Error. Would catch a value read from a failure, and an error that prints places it
// does not know.
#include "base/result.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>

namespace ulproof::base {
namespace {

TEST(ErrorTest, PrintsThePlacesItKnows) {
  Error error = UsageError("no such law");
  EXPECT_EQ(error.ToString(), "no such law");
  error.line = 3;
  EXPECT_EQ(error.ToString(), "line 3: no such law");
  error.column = 14;
  EXPECT_EQ(error.ToString(), "line 3:14: no such law");
  error.file = "a.txt";
  EXPECT_EQ(error.ToString(), "a.txt:3:14: no such law");
  error.line = 0;  // A column means nothing without its line.
  EXPECT_EQ(error.ToString(), "a.txt: no such law");
}

TEST(ErrorTest, ExitCodesAreTheProcesss) {
  EXPECT_EQ(UsageError("x").exit_code, ExitCode::kUsage);
  EXPECT_EQ(EnvironmentError("x").exit_code, ExitCode::kEnvironment);
  EXPECT_EQ(static_cast<int>(ExitCode::kOk), 0);
  EXPECT_EQ(static_cast<int>(ExitCode::kMismatch), 1);
  EXPECT_EQ(static_cast<int>(ExitCode::kUsage), 2);
  EXPECT_EQ(static_cast<int>(ExitCode::kEnvironment), 3);
}

TEST(ResultTest, HoldsAValueOrAnError) {
  const Result<int> value = 7;
  EXPECT_TRUE(value.ok());
  EXPECT_TRUE(value);
  EXPECT_EQ(*value, 7);
  const Result<int> error = UsageError("bad");
  EXPECT_FALSE(error.ok());
  EXPECT_FALSE(error);
  EXPECT_EQ(error.error().message, "bad");
}

TEST(ResultTest, MovesItsValueOut) {
  Result<std::unique_ptr<int>> result = std::make_unique<int>(5);
  const std::unique_ptr<int> moved = std::move(result).value();
  EXPECT_EQ(*moved, 5);
}

TEST(ResultDeathTest, AValueIsNotReadFromAnError) {
  const Result<int> error = UsageError("bad number");
  EXPECT_DEATH((void)error.value(), "bad number");
}

TEST(StatusTest, IsDoneOrAnError) {
  const Status done = Done{};
  EXPECT_TRUE(done.ok());
  const Status failed = EnvironmentError("disk full");
  EXPECT_FALSE(failed.ok());
}

}  // namespace
}  // namespace ulproof::base
