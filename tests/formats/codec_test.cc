// SPDX-License-Identifier: Apache-2.0
// Decode and EncodeExact: every code of every format of up to 19 bits, binary32 and binary64
// against the hardware, any other format by property.
#include "formats/codec.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <bit>
#include <cmath>

#include "formats/catalogue.h"
#include "tests/support/operation_generator.h"

namespace ulproof::formats {
namespace {

constexpr int kMaxExhaustiveBits = 19;  // tfloat32

// What the picture in format_spec.h says, computed in binary64 where it is exact.
double ValueByTheFormula(const FormatSpec& spec, Code code) {
  const auto field = static_cast<double>(code & spec.trailing_mask());
  const int biased_exponent =
      static_cast<int>((code >> spec.trailing_bits) & ((Code{1} << spec.exponent_bits) - 1));
  const double fraction = std::ldexp(field, -spec.trailing_bits);
  const bool subnormal = biased_exponent == 0 && spec.specials != Specials::kE8m0;
  const double magnitude = subnormal ? std::ldexp(fraction, 1 - spec.bias)
                                     : std::ldexp(1 + fraction, biased_exponent - spec.bias);
  const bool negative = spec.is_signed && (code >> (spec.storage_bits() - 1)) != 0;
  return negative ? -magnitude : magnitude;
}

double ValueOf(const Decoded& x) {
  const double magnitude = std::ldexp(static_cast<double>(x.significand), x.exponent);
  return x.negative ? -magnitude : magnitude;
}

// Would catch a wrong field, a lost leading bit, a subnormal with the wrong exponent, a special
// code read as a number, and any code that does not come back.
TEST(CodecTest, EveryCodeRoundTripsAndHasItsValue) {
  for (const CatalogueEntry& entry : kCatalogue) {
    const FormatSpec& spec = entry.spec;
    if (spec.storage_bits() > kMaxExhaustiveBits) continue;
    SCOPED_TRACE(entry.name);
    for (Code code = 0; code <= spec.code_mask(); ++code) {
      const Decoded x = Decode(spec, code);
      if (!spec.IsFinite(code)) {
        EXPECT_EQ(x.value_class, spec.IsNan(code) ? ValueClass::kNan : ValueClass::kInfinity);
        EXPECT_EQ(x.significand, 0u);
        continue;
      }
      ASSERT_EQ(ValueOf(x), ValueByTheFormula(spec, code)) << std::hex << code;
      ASSERT_EQ(std::signbit(ValueOf(x)), spec.IsNegative(code)) << std::hex << code;
      ASSERT_EQ(EncodeExact(spec, x.negative, x.significand, x.exponent), code) << std::hex << code;
      ASSERT_LT(x.significand, std::uint64_t{2} << spec.trailing_bits);
      // Class by value.
      const double magnitude = std::abs(ValueOf(x));
      const ValueClass expected = magnitude == 0 ? ValueClass::kZero
                                  : magnitude < std::ldexp(1.0, spec.min_exponent())
                                      ? ValueClass::kSubnormal
                                      : ValueClass::kNormal;
      ASSERT_EQ(x.value_class, expected) << std::hex << code;
      ASSERT_EQ(spec.IsSubnormal(code), expected == ValueClass::kSubnormal);
      ASSERT_EQ(spec.IsZero(code), expected == ValueClass::kZero);
    }
  }
}

// Magnitude codes count upward with the value, so neighbours are codes + 1: what rounding rests on.
TEST(CodecTest, MagnitudesGrowWithTheirCodes) {
  for (const CatalogueEntry& entry : kCatalogue) {
    if (entry.spec.storage_bits() > kMaxExhaustiveBits) continue;
    for (Code code = 1; code <= entry.spec.max_finite_code(); ++code) {
      ASSERT_LT(ValueOf(Decode(entry.spec, code - 1)), ValueOf(Decode(entry.spec, code)))
          << entry.name << " " << std::hex << code;
    }
  }
}

// The midpoint of two neighbours and what lies beyond the largest value are not in the format.
TEST(CodecTest, EncodesNothingBetweenAndBeyondItsValues) {
  for (const CatalogueEntry& entry : kCatalogue) {
    const FormatSpec& spec = entry.spec;
    if (spec.storage_bits() > kMaxExhaustiveBits) continue;
    SCOPED_TRACE(entry.name);
    for (Code code = 0; code < spec.max_finite_code(); ++code) {
      const Decoded low = Decode(spec, code), high = Decode(spec, code + 1);
      // In units of half the lower value's last place.
      const std::uint64_t sum =
          low.significand + (high.significand << (high.exponent - low.exponent));
      ASSERT_EQ(EncodeExact(spec, false, sum, low.exponent - 1), std::nullopt) << std::hex << code;
    }
    const Decoded largest = Decode(spec, spec.max_finite_code());
    EXPECT_EQ(EncodeExact(spec, false, largest.significand + 1, largest.exponent), std::nullopt);
    EXPECT_EQ(EncodeExact(spec, false, 1, largest.exponent + 64), std::nullopt);
    EXPECT_EQ(EncodeExact(spec, false, 1, spec.quantum_exponent() - 1), std::nullopt);
    EXPECT_EQ(EncodeExact(spec, false, 1, -100000), std::nullopt);
    if (!spec.is_signed) {
      EXPECT_EQ(EncodeExact(spec, true, 1, 0), std::nullopt);
    }
  }
}

TEST(CodecTest, ZerosKeepTheSignThatTheFormatHas) {
  EXPECT_EQ(EncodeExact(kFloat32, true, 0, 5), 0x80000000u);
  EXPECT_EQ(EncodeExact(SpecOf("float8_e4m3fnuz"), true, 0, 0), 0u);
  EXPECT_EQ(EncodeExact(kFloat8E8m0fnu, false, 0, 0), std::nullopt);
}

// --- Against the hardware

template <typename Float, typename Bits>
void ExpectHardwareAgrees(const FormatSpec& spec, Code code) {
  const Decoded x = Decode(spec, code);
  const auto hardware = std::bit_cast<Float>(static_cast<Bits>(code));
  RC_ASSERT(std::isnan(hardware) == (x.value_class == ValueClass::kNan));
  RC_ASSERT(std::isinf(hardware) == (x.value_class == ValueClass::kInfinity));
  RC_ASSERT(std::signbit(hardware) == x.negative);
  if (!std::isfinite(hardware)) return;
  RC_ASSERT((std::fpclassify(hardware) == FP_SUBNORMAL) ==
            (x.value_class == ValueClass::kSubnormal));
  const Float magnitude = std::ldexp(static_cast<Float>(x.significand), x.exponent);
  const Float value = x.negative ? -magnitude : magnitude;
  RC_ASSERT(std::bit_cast<Bits>(value) == static_cast<Bits>(code));
  RC_ASSERT(EncodeExact(spec, x.negative, x.significand, x.exponent) == code);
}

RC_GTEST_PROP(CodecProperty, Float32IsTheHardwares, ()) {
  for (int i = 0; i < 50; ++i) {
    ExpectHardwareAgrees<float, std::uint32_t>(kFloat32, *tests::AnyCode(kFloat32));
  }
}

RC_GTEST_PROP(CodecProperty, Float64IsTheHardwares, ()) {
  for (int i = 0; i < 50; ++i) {
    ExpectHardwareAgrees<double, std::uint64_t>(kFloat64, *tests::AnyCode(kFloat64));
  }
}

// Any format that can be spelled: a finite code comes back, from any reduced or shifted form too.
RC_GTEST_PROP(CodecProperty, AnyFormatRoundTrips, ()) {
  const FormatSpec spec = *tests::AnyFormat();
  const Code code = *tests::AnyCode(spec);
  const Decoded x = Decode(spec, code);
  if (!spec.IsFinite(code)) return;
  RC_ASSERT(EncodeExact(spec, x.negative, x.significand, x.exponent) == code);
  if (x.significand == 0) return;
  const int zeros = std::countr_zero(x.significand);
  RC_ASSERT(EncodeExact(spec, x.negative, x.significand >> zeros, x.exponent + zeros) == code);
  const int room = std::countl_zero(x.significand);
  RC_ASSERT(EncodeExact(spec, x.negative, x.significand << room, x.exponent - room) == code);
}

TEST(ValueClassTest, HasNames) {
  EXPECT_EQ(ValueClassName(ValueClass::kZero), "zero");
  EXPECT_EQ(ValueClassName(ValueClass::kSubnormal), "subnormal");
  EXPECT_EQ(ValueClassName(ValueClass::kNormal), "normal");
  EXPECT_EQ(ValueClassName(ValueClass::kInfinity), "infinity");
  EXPECT_EQ(ValueClassName(ValueClass::kNan), "NaN");
}

}  // namespace
}  // namespace ulproof::formats
