// SPDX-License-Identifier: Apache-2.0
// Catches: compiler flags or a library that make this process compute otherwise than the contract's
// preamble says, and a CheckExactMath that would not notice. The arithmetic is observed here a
// second time, by other expressions than base/exact_math_check.cc uses.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <bit>
#include <cstdint>

#include "base/exact_math_check.h"

#if defined(__SSE2__)
#include <xmmintrin.h>
#endif

namespace ulproof::base {
namespace {

std::uint32_t Bits(float value) { return std::bit_cast<std::uint32_t>(value); }

TEST(ExactMathTest, ProductsAreNotFused) {
  // 0x1.000002p0 squared is 1 + 2^-22 + 2^-46: the last term is lost by a product rounded first.
  volatile float a = 0x1.000002p0f;
  volatile float c = -0x1.000004p0f;
  EXPECT_EQ(Bits(a * a + c), Bits(0.0f));
  volatile double wide_a = 0x1.0000000000001p0;
  volatile double wide_c = -0x1.0000000000002p0;
  EXPECT_EQ(wide_a * wide_a + wide_c, 0.0);
}

TEST(ExactMathTest, SubnormalsAreKept) {
  volatile float three = 0x3p-149f;
  volatile float one = 0x1p-149f;
  EXPECT_EQ(Bits(three - one), 2u);
  volatile float smallest_normal = 0x1p-126f;
  volatile float third = 0x1.555556p-2f;
  EXPECT_EQ(Bits(smallest_normal * third), 0x002aaaabu);
}

TEST(ExactMathTest, RoundingIsNearestEven) {
  volatile float one = 1.0f;
  volatile float odd = 0x1.000002p0f;
  volatile float half_ulp = 0x1p-24f;
  EXPECT_EQ(Bits(one + half_ulp), Bits(1.0f)) << "a tie goes to the even neighbour";
  EXPECT_EQ(Bits(odd + half_ulp), Bits(0x1.000004p0f)) << "a tie goes to the even neighbour";
  volatile float above_half = 0x1.000002p-24f;
  EXPECT_EQ(Bits(one + above_half), Bits(0x1.000002p0f));
  EXPECT_EQ(Bits(-one - above_half), Bits(-0x1.000002p0f));
}

TEST(ExactMathTest, ThisProcessPasses) {
  EXPECT_EQ(ObserveArithmetic(), (ArithmeticHabits{.rounds_to_nearest = true,
                                                   .keeps_subnormal_results = true,
                                                   .keeps_subnormal_operands = true,
                                                   .fuses_products = false}));
  EXPECT_TRUE(CheckExactMath().ok());
}

#if defined(__SSE2__)
// Sets bits of the SSE control register for the life of the object.
class ControlRegister {
 public:
  explicit ControlRegister(unsigned bits) : saved_(_mm_getcsr()) { _mm_setcsr(saved_ | bits); }
  ~ControlRegister() { _mm_setcsr(saved_); }
  ControlRegister(const ControlRegister&) = delete;
  ControlRegister& operator=(const ControlRegister&) = delete;

 private:
  unsigned saved_;
};

constexpr unsigned kDenormalsAreZero = 1u << 6;
constexpr unsigned kFlushToZero = 1u << 15;

ArithmeticHabits HabitsWith(unsigned control_bits) {
  const ControlRegister set(control_bits);
  return ObserveArithmetic();
}

Status CheckWith(unsigned control_bits) {
  const ControlRegister set(control_bits);
  return CheckExactMath();
}

TEST(ExactMathTest, EachBadHabitIsNoticedByItself) {
  const ArithmeticHabits flushing = HabitsWith(kFlushToZero);
  EXPECT_FALSE(flushing.keeps_subnormal_results);
  EXPECT_TRUE(flushing.keeps_subnormal_operands);
  const ArithmeticHabits denormals_are_zero = HabitsWith(kDenormalsAreZero);
  EXPECT_TRUE(denormals_are_zero.keeps_subnormal_results);
  EXPECT_FALSE(denormals_are_zero.keeps_subnormal_operands);
  for (const unsigned direction : {1u << 13, 2u << 13, 3u << 13}) {  // Down, up, toward zero.
    EXPECT_FALSE(HabitsWith(direction).rounds_to_nearest) << direction;
  }
}

TEST(ExactMathTest, TheCheckIsAnEnvironmentErrorThatNamesTheFault) {
  const struct {
    unsigned control_bits;
    const char* word;
  } cases[] = {{kFlushToZero, "FTZ"}, {kDenormalsAreZero, "DAZ"}, {2u << 13, "nearest"}};
  for (const auto& [control_bits, word] : cases) {
    const Status status = CheckWith(control_bits);
    ASSERT_FALSE(status.ok()) << word;
    EXPECT_EQ(status.error().exit_code, ExitCode::kEnvironment);
    EXPECT_THAT(status.error().message, testing::HasSubstr(word));
  }
}
#endif

}  // namespace
}  // namespace ulproof::base
