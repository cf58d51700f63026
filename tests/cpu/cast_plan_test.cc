// SPDX-License-Identifier: Apache-2.0
// Which method a cast takes, and which formats have a plan. What a plan computes is tested with the
// kernels.
#include "cpu/cast_plan.h"

#include <gtest/gtest.h>

#include "formats/catalogue.h"

namespace ulproof::cpu {
namespace {

using formats::Overflow;
using formats::RoundingMode;

CastMethod MethodOf(const char* to, RoundingMode mode, Overflow overflow) {
  return MakeCastPlan(formats::ParseFormat(to).value(), {mode}, overflow).method;
}

// Would catch a fast method that is no longer chosen: right answers, at a fraction of the speed.
TEST(CastPlanTest, CommonCastsTakeTheFastMethods) {
  for (const Overflow overflow : {Overflow::kIeee, Overflow::kSaturate}) {
    for (const char* to : {"float8_e4m3fn", "float8_e5m2", "float8_e4m3", "float8_e3m4",
                           "float6_e3m2fn", "float6_e2m3fn", "float4_e2m1fn", "float16"}) {
      EXPECT_EQ(MethodOf(to, RoundingMode::kNearestEven, overflow), CastMethod::kAlignedAdd) << to;
    }
  }
  EXPECT_EQ(MethodOf("bfloat16", RoundingMode::kNearestEven, Overflow::kIeee),
            CastMethod::kUpperBits);
  EXPECT_EQ(MethodOf("tfloat32", RoundingMode::kNearestEven, Overflow::kIeee),
            CastMethod::kUpperBits);
}

// Would catch a fast method used where its premises do not hold: other modes, parity without
// trailing bits, finer grids than binary32's, infinities that do not go where overflow goes.
TEST(CastPlanTest, OtherCastsTakeTheGeneralMethod) {
  EXPECT_EQ(MethodOf("float8_e4m3fn", RoundingMode::kNearestAway, Overflow::kIeee),
            CastMethod::kAnyShift);
  for (const char* to : {"float4_e3m0", "e8m7b200", "float8_e4m3fnuz", "float8_e8m0fnu"}) {
    EXPECT_EQ(MethodOf(to, RoundingMode::kNearestEven, Overflow::kIeee), CastMethod::kAnyShift)
        << to;
  }
  EXPECT_EQ(MethodOf("float8_e5m2", RoundingMode::kNearestEven, Overflow::kSaturateFinite),
            CastMethod::kAnyShift);
  EXPECT_EQ(MethodOf("bfloat16", RoundingMode::kNearestEven, Overflow::kSaturate),
            CastMethod::kAnyShift);
}

// Would catch a lost format: every signed one of up to 16 bits has a plan, whatever its bias.
TEST(CastPlanTest, EveryFormatOfUpTo16BitsHasAPlan) {
  for (int exponent_bits = 1; exponent_bits <= formats::kMaxGenericExponentBits; ++exponent_bits) {
    for (int trailing_bits = 0; exponent_bits + trailing_bits <= 15; ++trailing_bits) {
      for (const int bias : {0, 1, 127, formats::kMaxGenericBias}) {
        const formats::FormatSpec spec = {exponent_bits, trailing_bits, bias};
        EXPECT_EQ(WhyNotPlanned(spec), "") << FormatName(spec);
      }
    }
  }
  EXPECT_EQ(WhyNotPlanned(formats::kFloat32), "");
  EXPECT_EQ(WhyNotPlanned(formats::kFloat8E8m0fnu), "");
  EXPECT_NE(WhyNotPlanned(formats::kFloat64), "");
  EXPECT_NE(WhyNotPlanned({.exponent_bits = 8, .trailing_bits = 23, .bias = 200}), "");
}

}  // namespace
}  // namespace ulproof::cpu
