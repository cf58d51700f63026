// SPDX-License-Identifier: Apache-2.0
// RN32 arithmetic against the machine's binary32 instructions, a second way that shares nothing
// with the reference. Would catch a wrong rounding, a lost subnormal, a wrong sign of zero, a
// double rounding in the quotient, a product that is rounded before the sum of an FMA.
#include "reference/ops/arith.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <random>
#include <vector>

#include "formats/catalogue.h"
#include "tests/support/matchers.h"

namespace ulproof::reference {
namespace {

using formats::Code;
using formats::kFloat32;
using tests::SameBitsOrBothNan;

float Float(Code code) { return std::bit_cast<float>(static_cast<std::uint32_t>(code)); }
Code Bits(float value) { return std::bit_cast<std::uint32_t>(value); }

const std::vector<Code> kEdges = {
    0x0000'0000, 0x0000'0001, 0x0000'0002, 0x0000'0003, 0x0040'0000, 0x007F'FFFF, 0x0080'0000,
    0x0080'0001, 0x00FF'FFFF, 0x0100'0000, 0x3380'0000, 0x3380'0001, 0x33FF'FFFF, 0x3F00'0000,
    0x3F7F'FFFF, 0x3F80'0000, 0x3F80'0001, 0x3FFF'FFFF, 0x4000'0000, 0x4B7F'FFFF, 0x4B80'0000,
    0x7F00'0000, 0x7F7F'FFFE, 0x7F7F'FFFF, 0x7F80'0000, 0x7F80'0001, 0x7FC0'0000};

// Edges of both signs, then random codes: any, or of near exponents so that sums cancel.
std::vector<Code> Codes(int random_codes) {
  std::vector<Code> codes;
  for (const Code code : kEdges) {
    codes.push_back(code);
    codes.push_back(code | 0x8000'0000);
  }
  std::mt19937_64 random(8);
  for (int i = 0; i < random_codes; ++i) {
    const auto any = static_cast<std::uint32_t>(random());
    codes.push_back(i % 2 == 0 ? any : (any & 0x807F'FFFFu) | (120 + random() % 16) << 23);
  }
  return codes;
}

TEST(ArithTest, AddSubMulDivAreTheMachines) {
  const std::vector<Code> codes = Codes(300);
  for (const Code a : codes) {
    for (const Code b : codes) {
      volatile float x = Float(a);
      volatile float y = Float(b);
      ASSERT_THAT(Add32(a, b), SameBitsOrBothNan(kFloat32, Bits(x + y)))
          << std::hex << a << " " << b;
      ASSERT_THAT(Sub32(a, b), SameBitsOrBothNan(kFloat32, Bits(x - y)))
          << std::hex << a << " " << b;
      ASSERT_THAT(Mul32(a, b), SameBitsOrBothNan(kFloat32, Bits(x * y)))
          << std::hex << a << " " << b;
      ASSERT_THAT(Div32(a, b), SameBitsOrBothNan(kFloat32, Bits(x / y)))
          << std::hex << a << " " << b;
    }
  }
}

TEST(ArithTest, FmaIsTheMachines) {
  std::vector<Code> codes = Codes(30);
  for (const Code a : codes) {
    for (const Code b : codes) {
      for (const Code c : codes) {
        volatile float x = Float(a);
        volatile float y = Float(b);
        volatile float z = Float(c);
        ASSERT_THAT(Fma32(a, b, c), SameBitsOrBothNan(kFloat32, Bits(std::fma(x, y, z))))
            << std::hex << a << " " << b << " " << c;
      }
    }
  }
}

TEST(ArithTest, NansAreCanonical) {
  EXPECT_EQ(Add32(0xFFFF'FFFF, kOne32), kNan32);
  EXPECT_EQ(Mul32(kInfinity32, 0), kNan32);
  EXPECT_EQ(Div32(0, 0x8000'0000), kNan32);
  EXPECT_EQ(Fma32(kOne32, kInfinity32, kInfinity32 | 0x8000'0000), kNan32);
  EXPECT_EQ(ToFloat32(kFloat32, 0xFF80'0001), kNan32);
}

// The named constants are what their names say.
TEST(ArithTest, ConstantsAreRounded) {
  EXPECT_EQ(kMinusLn2, Bits(-0.693147180559945309417232f));
  EXPECT_EQ(kOne32, Bits(1.0f));
  EXPECT_EQ(kLargest32, kFloat32.max_finite_code());
  EXPECT_EQ(kInfinity32, kFloat32.infinity_code());
  EXPECT_EQ(kNan32, kFloat32.canonical_nan_code());
}

TEST(ArithTest, ToFloat32KeepsTheValue) {
  for (const formats::CatalogueEntry& entry : formats::kCatalogue) {
    const formats::FormatSpec& from = entry.spec;
    if (from.storage_bits() > 19) continue;
    for (Code code = 0; code <= from.code_mask(); ++code) {
      const Code wide = ToFloat32(from, code);
      const formats::Decoded value = Decode(from, code);
      if (!from.IsFinite(code)) {
        ASSERT_EQ(from.IsNan(code), kFloat32.IsNan(wide));
        continue;
      }
      ASSERT_EQ(wide, EncodeExact(kFloat32, value.negative, value.significand, value.exponent))
          << entry.name << " " << code;
    }
  }
}

}  // namespace
}  // namespace ulproof::reference
