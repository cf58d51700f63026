// SPDX-License-Identifier: Apache-2.0
#include "base/exact_math_check.h"

#include <bit>
#include <cstdint>
#include <limits>
#include <type_traits>

namespace ulproof::base {
namespace {

// Operands and results pass through volatile objects, so that the compiler computes nothing itself.
template <typename Float>
Float Opaque(Float value) {
  volatile Float opaque = value;
  return opaque;
}

// Looks at the bits: with denormals-are-zero even a comparison takes a subnormal for zero.
template <typename Float>
bool IsZero(Float value) {
  using Bits = std::conditional_t<sizeof(Float) == 4, std::uint32_t, std::uint64_t>;
  return std::bit_cast<Bits>(value) == 0;
}

template <typename Float>
ArithmeticHabits Observe() {
  using Limits = std::numeric_limits<Float>;
  const Float one = Opaque(Float{1});
  const Float epsilon = Opaque(Limits::epsilon());
  const Float quarter_ulp = Opaque(Limits::epsilon() / 4);
  const Float smallest_normal = Opaque(Limits::min());
  const Float smallest_subnormal = Opaque(Limits::denorm_min());

  // Upward rounding fails the first test, downward and toward zero the second.
  const Float above = Opaque(one + quarter_ulp);
  const Float below = Opaque(one - quarter_ulp / 2);
  const Float half_normal = Opaque(smallest_normal * Opaque(Float{0.5}));
  const Float scaled_up = Opaque(smallest_subnormal * Opaque(1 / Limits::epsilon()));
  // (1 + e)(1 - e) - 1 is 0 when the product is rounded first, -e^2 when it is not.
  const Float product_sum = Opaque((one + epsilon) * (one - epsilon) - one);
  return {.rounds_to_nearest = above == one && below == one,
          .keeps_subnormal_results = !IsZero(half_normal),
          .keeps_subnormal_operands = !IsZero(scaled_up),
          .fuses_products = product_sum != 0};
}

}  // namespace

ArithmeticHabits ObserveArithmetic() {
  const ArithmeticHabits narrow = Observe<float>();
  const ArithmeticHabits wide = Observe<double>();
  return {
      .rounds_to_nearest = narrow.rounds_to_nearest && wide.rounds_to_nearest,
      .keeps_subnormal_results = narrow.keeps_subnormal_results && wide.keeps_subnormal_results,
      .keeps_subnormal_operands = narrow.keeps_subnormal_operands && wide.keeps_subnormal_operands,
      .fuses_products = narrow.fuses_products || wide.fuses_products};
}

Status CheckExactMath() {
  const ArithmeticHabits habits = ObserveArithmetic();
  if (!habits.rounds_to_nearest) {
    return EnvironmentError("this process does not round to nearest; every result would be wrong");
  }
  if (!habits.keeps_subnormal_results) {
    return EnvironmentError("this process flushes subnormal results to zero (FTZ is set)");
  }
  if (!habits.keeps_subnormal_operands) {
    return EnvironmentError("this process takes subnormal operands for zero (DAZ is set)");
  }
  if (habits.fuses_products) {
    return EnvironmentError("built with fused products: compile with -ffp-contract=off");
  }
  return Done{};
}

}  // namespace ulproof::base
