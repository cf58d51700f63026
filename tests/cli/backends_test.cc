// SPDX-License-Identifier: Apache-2.0
#include "cli/backends.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <string>

namespace ulproof::cli {
namespace {

using ::testing::HasSubstr;

// Catches a backend that is missing, doubled or cannot be found by its name.
TEST(BackendsTest, EachHasOneName) {
  std::set<std::string_view> names;
  for (formats::Backend* backend : AllBackends()) {
    EXPECT_TRUE(names.insert(backend->name()).second) << backend->name();
    if (backend->why_unavailable().empty()) {
      EXPECT_EQ(*FindBackend(backend->name()), backend);
    }
  }
  EXPECT_EQ(AllBackends()[0]->name(), "reference");
  EXPECT_TRUE(names.contains("cpu"));
  const auto unknown = FindBackend("cup");
  ASSERT_FALSE(unknown.ok());
  EXPECT_EQ(unknown.error().exit_code, base::ExitCode::kUsage);
  EXPECT_THAT(unknown.error().message, HasSubstr("did you mean 'cpu'?"));
}

// Catches a default that is approximate: laws defined in real numbers go to the reference.
TEST(BackendsTest, TheDefaultPromisesTheReferencesBits) {
  formats::Operation op = {.kind = formats::OpKind::kSample};
  for (const formats::NoiseLaw law : formats::kNoiseLaws) {
    op.law = law;
    const bool real = law == formats::NoiseLaw::kBoxMuller || law == formats::NoiseLaw::kNormal2;
    EXPECT_EQ((*BackendFor("", op))->name(), real ? "reference" : "cpu");
    EXPECT_EQ((*BackendFor("reference", op))->name(), "reference");
  }
  op.kind = formats::OpKind::kCast;
  EXPECT_EQ((*BackendFor("", op))->name(), "cpu");
  // What cpu does not compute falls to the reference, unless cpu was asked for.
  op.to = formats::kFloat64;
  EXPECT_EQ((*BackendFor("", op))->name(), "reference");
  EXPECT_THAT(BackendFor("cpu", op).error().message,
              HasSubstr("backend cpu does not compute this"));
}

}  // namespace
}  // namespace ulproof::cli
