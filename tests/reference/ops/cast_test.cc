// SPDX-License-Identifier: Apache-2.0
// Cast: properties that any correct rounding has, over all formats and modes; and the machine's own
// conversions, which share nothing with the reference. Would catch a rounding that is not monotone,
// not idempotent, not symmetric, inexact where it could be exact, or different from IEEE hardware.
#include "reference/ops/cast.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <bit>
#include <cfenv>
#include <random>

#include "formats/catalogue.h"

namespace ulproof::reference {
namespace {

using formats::Code;
using formats::FormatSpec;
using formats::kBfloat16;
using formats::kFloat16;
using formats::kFloat32;
using formats::kFloat64;
using formats::Overflow;
using formats::Rounding;
using formats::RoundingMode;

FormatSpec AnyFormat() {
  const auto index = *rc::gen::inRange<std::size_t>(0, formats::kCatalogue.size() + 4);
  if (index < formats::kCatalogue.size()) return formats::kCatalogue[index].spec;
  const auto specials = *rc::gen::element("", "fn", "fnuz", "finite");
  const std::string name = "e" + std::to_string(*rc::gen::inRange(1, 12)) + "m" +
                           std::to_string(*rc::gen::inRange(0, 53)) + specials;
  return *formats::ParseFormat(name);
}

// A code of any exponent; trailing bits all zero, all one or anything.
Code AnyCode(const FormatSpec& spec) {
  const Code code = *rc::gen::arbitrary<Code>() & spec.code_mask();
  switch (*rc::gen::inRange(0, 4)) {
    case 0:
      return code & ~spec.trailing_mask();
    case 1:
      return code | spec.trailing_mask();
    default:
      return code;
  }
}

Rounding AnyRounding() {
  const auto mode = static_cast<RoundingMode>(*rc::gen::inRange(0, 9));
  Rounding rounding{mode};
  if (rounding.is_stochastic()) rounding.random_bits = *rc::gen::inRange(1, 33);
  return rounding;
}

std::uint32_t AnyRandom(const Rounding& rounding) {
  return *rc::gen::arbitrary<std::uint32_t>() & ((std::uint64_t{1} << rounding.random_bits) - 1);
}

// Place of a number on the line: codes in order of value, NaN excluded.
std::int64_t Order(const FormatSpec& spec, Code code) {
  const auto magnitude = static_cast<std::int64_t>(code & spec.magnitude_mask());
  return spec.IsNegative(code) ? -magnitude : magnitude;
}

RC_GTEST_PROP(CastTest, ExactStays, ()) {
  const FormatSpec from = AnyFormat();
  const FormatSpec to = AnyFormat();
  const Code x = AnyCode(from);
  RC_PRE(from.IsFinite(x));
  const auto value = Decode(from, x);
  const auto exact = EncodeExact(to, value.negative, value.significand, value.exponent);
  RC_PRE(exact.has_value());
  const Rounding rounding = AnyRounding();
  const auto overflow = *rc::gen::elementOf(formats::kOverflows);
  RC_ASSERT(Cast(from, x, to, rounding, overflow, AnyRandom(rounding)) == *exact);
}

RC_GTEST_PROP(CastTest, CastToWiderAndBackIsTheIdentity, ()) {
  const FormatSpec from = AnyFormat();
  // float64 holds every format of up to 10 exponent bits and of the usual biases.
  RC_PRE(from.exponent_bits <= 10);
  const Code x = AnyCode(from);
  RC_PRE(from.IsFinite(x));
  const Rounding there = AnyRounding();
  const Rounding back = AnyRounding();
  const Code wide = Cast(from, x, kFloat64, there, Overflow::kIeee, AnyRandom(there));
  RC_ASSERT(Cast(kFloat64, wide, from, back, Overflow::kSaturate, AnyRandom(back)) == x);
}

RC_GTEST_PROP(CastTest, IsIdempotent, ()) {
  const FormatSpec from = AnyFormat();
  const FormatSpec to = AnyFormat();
  const Code x = AnyCode(from);
  const Rounding rounding = AnyRounding();
  const auto overflow = *rc::gen::elementOf(formats::kOverflows);
  const Code once = Cast(from, x, to, rounding, overflow, AnyRandom(rounding));
  RC_PRE(to.IsFinite(once));
  RC_ASSERT(Cast(to, once, to, AnyRounding(), overflow, 0) == once);
}

RC_GTEST_PROP(CastTest, IsMonotone, ()) {
  const FormatSpec from = AnyFormat();
  const FormatSpec to = AnyFormat();
  RC_PRE(from.is_signed && to.is_signed);
  const Code x = AnyCode(from);
  // A neighbour as often as a stranger.
  const Code y =
      *rc::gen::inRange(0, 2) == 0 ? AnyCode(from) : (x + 1 <= from.code_mask() ? x + 1 : x);
  RC_PRE(from.IsFinite(x) && from.IsFinite(y));
  const Rounding rounding = AnyRounding();
  const std::uint32_t random = AnyRandom(rounding);
  const bool ordered = Order(from, x) <= Order(from, y);
  // With the same r, stochastic rounding is monotone too.
  const Code a = Cast(from, ordered ? x : y, to, rounding, Overflow::kSaturate, random);
  const Code b = Cast(from, ordered ? y : x, to, rounding, Overflow::kSaturate, random);
  RC_ASSERT(Order(to, a) <= Order(to, b));
}

RC_GTEST_PROP(CastTest, SignMirrorsTheModes, ()) {
  const FormatSpec from = AnyFormat();
  const FormatSpec to = AnyFormat();
  RC_PRE(from.is_signed && to.is_signed);
  const Code x = AnyCode(from) & from.magnitude_mask();
  RC_PRE(from.IsFinite(x) && from.IsFinite(x | from.sign_mask()));
  const Rounding rounding = AnyRounding();
  Rounding mirrored = rounding;
  if (rounding.mode == RoundingMode::kUp) mirrored.mode = RoundingMode::kDown;
  if (rounding.mode == RoundingMode::kDown) mirrored.mode = RoundingMode::kUp;
  const auto overflow = *rc::gen::elementOf(formats::kOverflows);
  const std::uint32_t random = AnyRandom(rounding);
  const Code plus = Cast(from, x, to, rounding, overflow, random);
  const Code minus = Cast(from, x | from.sign_mask(), to, mirrored, overflow, random);
  // NaN has no sign, and a zero has none in fnuz; an overflow in a format without infinity is NaN.
  if (to.IsNan(plus) || (plus == 0 && !to.has_negative_zero())) {
    RC_ASSERT(minus == plus);
  } else {
    RC_ASSERT(minus == (plus | to.sign_mask()));
  }
}

RC_GTEST_PROP(CastTest, DirectedModesEncloseAndNearestIsOneOfThem, ()) {
  const FormatSpec from = AnyFormat();
  const FormatSpec to = AnyFormat();
  RC_PRE(to.is_signed);
  const Code x = AnyCode(from);
  RC_PRE(from.IsFinite(x));
  const auto cast = [&](RoundingMode mode) {
    return Cast(from, x, to, Rounding{mode}, Overflow::kSaturate);
  };
  const Code down = cast(RoundingMode::kDown);
  const Code up = cast(RoundingMode::kUp);
  RC_ASSERT(Order(to, up) - Order(to, down) <= 1);
  for (const RoundingMode mode : {RoundingMode::kNearestEven, RoundingMode::kNearestAway,
                                  RoundingMode::kTowardZero, RoundingMode::kToOdd}) {
    const Code code = cast(mode);
    RC_ASSERT(code == down || code == up);
  }
}

// The machine's rounding direction for a scope.
class ScopedDirection {
 public:
  explicit ScopedDirection(int direction) : saved_(std::fegetround()) {
    std::fesetround(direction);
  }
  ~ScopedDirection() { std::fesetround(saved_); }
  ScopedDirection(const ScopedDirection&) = delete;
  ScopedDirection& operator=(const ScopedDirection&) = delete;

 private:
  int saved_;
};

TEST(CastTest, Float64ToFloat32IsTheMachines) {
  std::mt19937_64 random(6);
  constexpr std::pair<RoundingMode, int> kDirections[] = {
      {RoundingMode::kNearestEven, FE_TONEAREST},
      {RoundingMode::kTowardZero, FE_TOWARDZERO},
      {RoundingMode::kUp, FE_UPWARD},
      {RoundingMode::kDown, FE_DOWNWARD}};
  for (int i = 0; i < 50000; ++i) {
    // Exponents from below binary32's subnormals to above its largest; every third has a short
    // significand, so that ties and exact values occur.
    const std::uint64_t exponent = 1023 - 160 + random() % 300;
    std::uint64_t trailing = random() & kFloat64.trailing_mask();
    if (i % 3 == 0) trailing &= ~Code{0} << (25 + random() % 6);
    const Code x = random() % 2 << 63 | exponent << 52 | trailing;
    for (const auto& [mode, direction] : kDirections) {
      volatile float machine = 0;
      {
        const ScopedDirection scope(direction);
        volatile double input = std::bit_cast<double>(x);
        machine = static_cast<float>(input);
      }
      const float value = machine;
      ASSERT_EQ(Cast(kFloat64, x, kFloat32, Rounding{mode}, Overflow::kIeee),
                std::bit_cast<std::uint32_t>(value))
          << std::hex << x << " mode " << static_cast<int>(mode);
    }
  }
}

// bfloat16 by the well-known integer trick, for all finite binary32 near its ties.
TEST(CastTest, Float32ToBfloat16IsTheIntegerTrick) {
  std::mt19937_64 random(7);
  for (int i = 0; i < 200000; ++i) {
    auto x = static_cast<std::uint32_t>(random());
    if (i % 2 == 0) x = (x & 0xFFFF0000u) | (0x7FFF + random() % 3);
    if (kFloat32.IsNan(x)) continue;
    const std::uint32_t expected = (x + 0x7FFF + (x >> 16 & 1)) >> 16;
    ASSERT_EQ(Cast(kFloat32, x, kBfloat16, Rounding{}, Overflow::kIeee), expected) << std::hex << x;
  }
}

#ifdef __FLT16_MANT_DIG__
// Every float16 code through the machine's float16 type, where the compiler has it.
TEST(CastTest, Float16WidensExactly) {
  for (Code code = 0; code <= kFloat16.code_mask(); ++code) {
    if (kFloat16.IsNan(code)) continue;
    const auto half = std::bit_cast<_Float16>(static_cast<std::uint16_t>(code));
    ASSERT_EQ(Cast(kFloat16, code, kFloat32, Rounding{}, Overflow::kIeee),
              std::bit_cast<std::uint32_t>(static_cast<float>(half)));
  }
}
#endif

}  // namespace
}  // namespace ulproof::reference
