// SPDX-License-Identifier: Apache-2.0
// Box-Muller decided from the exact real z, against an independent computation in x87 long double
// (64-bit significands, the C library's functions): where that is sure, both must agree.
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <numbers>

#include "formats/catalogue.h"
#include "reference/random/noise.h"
#include "reference/random/philox.h"

namespace ulproof::reference {
namespace {

using formats::RandomKey;

constexpr long double kTwoPi = 2 * std::numbers::pi_v<long double>;

// z / 2 with a relative error of some 2^-60.
long double HalfNormal(const BoxMullerWords& words) {
  const long double u = (words.radius + 0.5L) * 0x1p-32L;
  // The angle's distance to the nearest multiple of a quarter turn, exactly: no cancellation at the
  // zeros of sine and cosine.
  const std::uint64_t turn = 2 * std::uint64_t{words.angle} + 1;  // Units of 2^-33.
  const std::uint64_t quarter = (turn + (std::uint64_t{1} << 30)) >> 31;
  const long double angle =
      static_cast<long double>(static_cast<std::int64_t>(turn - (quarter << 31))) * 0x1p-33L *
      kTwoPi;
  const long double sine = sinl(angle), cosine = cosl(angle);
  const std::uint64_t quarters = (quarter + (words.is_sine ? 3 : 0)) % 4;  // cos of this.
  const long double wave = quarters == 0   ? cosine
                           : quarters == 1 ? -sine
                           : quarters == 2 ? -cosine
                                           : sine;
  return sqrtl(-2 * logl(u)) * wave / 2;
}

long double ValueOf(formats::Code float32_code) {
  return std::bit_cast<float>(static_cast<std::uint32_t>(float32_code));
}

// Section 5: words 0 and 1 of group i div 2; the even element takes the cosine. Would catch a
// swapped pair and a swapped word: both give good noise, only not the contract's.
TEST(BoxMullerTest, DrawsPairsFromTheFirstTwoWordsOfAGroup) {
  const RandomKey key = {.seed = 13, .stream = 14, .offset = 15};
  for (const std::uint64_t group : {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{1} << 40}) {
    const auto words = Words(key.seed, key.stream, group);
    for (const bool is_sine : {false, true}) {
      const BoxMullerWords drawn = BoxMullerWordsOf(key, 2 * group + is_sine);
      EXPECT_EQ(drawn.radius, words[0]);
      EXPECT_EQ(drawn.angle, words[1]);
      EXPECT_EQ(drawn.is_sine, is_sine);
    }
  }
  // A little below an eighth of a turn z0 > z1 > 0; at a sixteenth, radius sqrt(6 ln 2), z / 2 is
  // 0.94 and 0.39.
  EXPECT_GT(BoxMullerHalf({0x80000000, 0x1FF00000, false}),
            BoxMullerHalf({0x80000000, 0x1FF00000, true}));
  EXPECT_EQ(BoxMullerInteger({0x20000000, 0x10000000, false}), 1);
  EXPECT_EQ(BoxMullerInteger({0x20000000, 0x10000000, true}), 0);
}

// Would catch a wrong function, a wrong half, a rounding other than to nearest.
TEST(BoxMullerTest, AgreesWithLongDoubleAwayFromBoundaries) {
  const RandomKey key = {.seed = 11, .stream = 12};
  constexpr long double kSlack = 0x1p-55L;
  constexpr int kElements = 200'000;
  int unsure_integers = 0, unsure_floats = 0;
  for (int element = 0; element < kElements; ++element) {
    const BoxMullerWords words = BoxMullerWordsOf(key, element);
    const long double half = HalfNormal(words);
    const long double low = half - std::abs(half) * kSlack, high = half + std::abs(half) * kSlack;
    if (rintl(low) == rintl(high)) {
      ASSERT_EQ(BoxMullerInteger(words), static_cast<int>(rintl(half))) << "element " << element;
    } else {
      ++unsure_integers;
    }
    if (static_cast<float>(low) == static_cast<float>(high)) {
      ASSERT_EQ(ValueOf(BoxMullerHalf(words)), static_cast<float>(half)) << "element " << element;
    } else {
      ++unsure_floats;
    }
  }
  // 2^-30 of the elements are expected: none.
  EXPECT_EQ(unsure_integers, 0);
  EXPECT_EQ(unsure_floats, 0);
}

// The ends of both words, where u is next to 0 or 1 and the angle next to a quarter turn. Would
// catch cancellation in the logarithm or the angle, a 0, and an R that leaves int8's small range.
TEST(BoxMullerTest, HoldsAtTheEndsOfTheWords) {
  int largest = 0;
  for (const std::uint32_t radius : {0u, 1u, 0x7FFFFFFFu, 0x80000000u, 0xFFFFFFFEu, 0xFFFFFFFFu}) {
    for (const std::uint32_t quarter : {0u, 0x40000000u, 0x80000000u, 0xC0000000u}) {
      for (const std::uint32_t angle : {quarter, quarter - 1}) {
        for (const bool is_sine : {false, true}) {
          const BoxMullerWords words = {radius, angle, is_sine};
          const long double half = HalfNormal(words);
          EXPECT_EQ(BoxMullerInteger(words), static_cast<int>(rintl(half)));
          EXPECT_EQ(ValueOf(BoxMullerHalf(words)), static_cast<float>(half));
          largest = std::max(largest, std::abs(BoxMullerInteger(words)));
        }
      }
    }
  }
  // u >= 2^-33, so |z / 2| <= sqrt(66 ln 2) / 2 = 3.38.
  EXPECT_EQ(largest, 3);
}

// |R| >= k iff u < exp(-((2k - 1) / cos)^2 / 2): walks to the two neighbouring words at the step
// itself, where |z| is within 2^-30 of an odd integer. Would catch a comparison on the wrong side
// and enclosures that are too narrow.
TEST(BoxMullerTest, StepsAtTheExactWord) {
  int steps = 0;
  for (std::uint32_t angle = 0x01234567; angle < 0xF0000000; angle += 0x00A1B2C3) {
    for (const bool is_sine : {false, true}) {
      const auto magnitude = [&](std::uint32_t radius) {
        return std::abs(BoxMullerInteger({radius, angle, is_sine}));
      };
      const long double unit =
          HalfNormal({0, angle, is_sine}) * 2 / sqrtl(66 * std::numbers::ln2_v<long double>);
      for (int k = 1; k <= 3; ++k) {
        const long double root = (2 * k - 1) / unit;
        const long double place = expl(-root * root / 2) * 0x1p32L - 0.5L;
        if (place < 0) break;
        // Long double knows the place to about 2^-28 of a word.
        if (place - floorl(place) < 1e-6L || place - floorl(place) > 1 - 1e-6L) continue;
        const auto last = static_cast<std::uint32_t>(floorl(place));
        ASSERT_EQ(magnitude(last), k) << "angle " << angle << " word " << last;
        ASSERT_EQ(magnitude(last + 1), k - 1) << "angle " << angle << " word " << last;
        ++steps;
      }
    }
  }
  EXPECT_GT(steps, 500);
}

}  // namespace
}  // namespace ulproof::reference
