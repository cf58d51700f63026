// SPDX-License-Identifier: Apache-2.0
// The scale: exp2 against MPFR's own emulation of binary32 (precision 24, bounded exponents,
// mpfr_subnormalize), a way that shares neither the loop nor our rounding; the exact cases; the
// special values of the contract. Would catch a wrong integer case, a flushed or doubly rounded
// subnormal, a wrong threshold of overflow or underflow.
#include "reference/ops/scale.h"

#include <gtest/gtest.h>
#include <mpfr.h>

#include <bit>
#include <random>

#include "formats/catalogue.h"
#include "reference/exact/dyadic.h"
#include "reference/ops/arith.h"

namespace ulproof::reference {
namespace {

using formats::Code;
using formats::kFloat32;

float Float(Code code) { return std::bit_cast<float>(static_cast<std::uint32_t>(code)); }
Code Bits(float value) { return std::bit_cast<std::uint32_t>(value); }

// 2^c as a binary32 that MPFR makes on its own, with binary32's exponent range for a scope.
class MpfrBinary32 {
 public:
  MpfrBinary32() : emin_(mpfr_get_emin()), emax_(mpfr_get_emax()) {
    mpfr_set_emin(-148);
    mpfr_set_emax(128);
    mpfr_init2(value_, 24);
  }
  ~MpfrBinary32() {
    mpfr_clear(value_);
    mpfr_set_emin(emin_);
    mpfr_set_emax(emax_);
  }
  MpfrBinary32(const MpfrBinary32&) = delete;
  MpfrBinary32& operator=(const MpfrBinary32&) = delete;

  Code Exp2(Code c) {
    mpfr_t argument;
    mpfr_init2(argument, 24);
    mpfr_set_flt(argument, Float(c), MPFR_RNDN);
    const int ternary = mpfr_exp2(value_, argument, MPFR_RNDN);
    mpfr_subnormalize(value_, ternary, MPFR_RNDN);
    mpfr_clear(argument);
    return Bits(mpfr_get_flt(value_, MPFR_RNDN));
  }

 private:
  mpfr_exp_t emin_;
  mpfr_exp_t emax_;
  mpfr_t value_;
};

TEST(ScaleTest, Exp2IsCorrectlyRounded) {
  std::vector<Code> arguments;
  std::mt19937_64 random(9);
  for (int i = 0; i < 40000; ++i) {
    // Any c, and c of the size that bitwidths give.
    arguments.push_back(random() & 0xFFFF'FFFF);
    arguments.push_back(Bits(static_cast<float>(static_cast<std::int32_t>(random())) * 0x1p-23f));
  }
  // Around every integer in the range, and the ends where results become subnormal, zero, infinite.
  for (int k = -152; k <= 129; ++k) {
    const Code code = Bits(static_cast<float>(k));
    for (Code near = code - 3; near != code + 4; ++near) arguments.push_back(near & 0xFFFF'FFFF);
  }
  for (int k = 0; k < 32; ++k) {
    arguments.push_back(Code{1} << k);
    arguments.push_back((Code{1} << k) | 0x8000'0000);
  }
  for (const Code c : arguments) {
    if (kFloat32.IsNan(c)) continue;
    Code expected;
    {
      MpfrBinary32 mpfr;
      expected = mpfr.Exp2(c);
    }
    ASSERT_EQ(Exp2(c), expected) << std::hex << c << " " << Float(c);
  }
}

TEST(ScaleTest, Exp2OfIntegersIsExact) {
  for (int k = -149; k <= 127; ++k) {
    EXPECT_EQ(Exp2(Bits(static_cast<float>(k))), EncodeExact(kFloat32, false, 1, k)) << k;
  }
  EXPECT_EQ(Exp2(Bits(128.0f)), kInfinity32);
  EXPECT_EQ(Exp2(Bits(-150.0f)), 0u);      // The tie between 0 and the least subnormal.
  EXPECT_EQ(Exp2(Bits(-149.99998f)), 1u);  // Above it.
  EXPECT_EQ(Exp2(Bits(-3e38f)), 0u);
  EXPECT_EQ(Exp2(kNan32), kNan32);
  EXPECT_EQ(Exp2(kInfinity32), kInfinity32);
  EXPECT_EQ(Exp2(kInfinity32 | 0x8000'0000), 0u);
  EXPECT_EQ(Exp2(0x8000'0000), kOne32);
}

TEST(ScaleTest, ZeroMaximumGivesZeroWhateverTheBitwidth) {
  for (const Code bits : {Bits(4.0f), kNan32, kInfinity32, kInfinity32 | 0x8000'0000}) {
    EXPECT_EQ(Scale(0, bits, false), 0u);
    EXPECT_EQ(Scale(0, bits, true), 0u);
  }
}

TEST(ScaleTest, SpecialsFollowIeee) {
  const Code minus_infinity = kInfinity32 | 0x8000'0000;
  EXPECT_EQ(Scale(kOne32, kNan32, false), kNan32);
  EXPECT_EQ(Scale(kNan32, kOne32, false), kNan32);
  EXPECT_EQ(Scale(kOne32, kInfinity32, false), 0u);  // e = 2^-inf = 0
  EXPECT_EQ(Scale(kOne32, minus_infinity, false), kInfinity32);
  EXPECT_EQ(Scale(kInfinity32, kInfinity32, false), kNan32);  // inf * 0
  EXPECT_EQ(Scale(kInfinity32, Bits(4.0f), true), kInfinity32);
}

// 1 - b is rounded before the power: b = 2^-25 gives c = RN32(1 - 2^-25) = 1 exactly.
TEST(ScaleTest, DifferenceIsRoundedFirst) {
  EXPECT_EQ(Scale(kOne32, Bits(0x1p-25f), false), Bits(2.0f));
  EXPECT_EQ(Scale(kOne32, Bits(0x1p-24f), false), Exp2(Bits(0x1.fffffep-1f)));
}

TEST(ScaleTest, PowerOfTwoOptionRoundsUp) {
  EXPECT_EQ(RoundUpToPowerOfTwo(Bits(1.0f)), Bits(1.0f));
  EXPECT_EQ(RoundUpToPowerOfTwo(Bits(1.0000001f)), Bits(2.0f));
  EXPECT_EQ(RoundUpToPowerOfTwo(Bits(0.75f)), Bits(1.0f));
  EXPECT_EQ(RoundUpToPowerOfTwo(0x7F00'0000), 0x7F00'0000u);  // 2^127
  EXPECT_EQ(RoundUpToPowerOfTwo(0x7F00'0001), kInfinity32);
  EXPECT_EQ(RoundUpToPowerOfTwo(3), 4u);  // Subnormals are exact.
  EXPECT_EQ(RoundUpToPowerOfTwo(0x007F'FFFF), 0x0080'0000u);
  EXPECT_EQ(RoundUpToPowerOfTwo(0), 0u);
  EXPECT_EQ(Scale(Bits(3.0f), Bits(3.0f), true), Bits(1.0f));
  EXPECT_EQ(Scale(Bits(3.0f), Bits(3.0f), false), Bits(0.75f));
}

}  // namespace
}  // namespace ulproof::reference
