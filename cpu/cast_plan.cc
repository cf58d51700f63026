// SPDX-License-Identifier: Apache-2.0
#include "cpu/cast_plan.h"

#include <fmt/format.h>

#include "base/check.h"
#include "formats/catalogue.h"

namespace ulproof::cpu {
namespace {

using formats::FormatSpec;
using formats::Overflow;
using formats::Rounding;
using formats::RoundingMode;
using formats::Specials;

constexpr FormatSpec kSource = formats::kFloat32;

CastMethod ChooseMethod(const FormatSpec& to, const CastPlan& plan) {
  const bool symmetric_zero = plan.zero_sign_mask == plan.sign_mask && to.is_signed;
  if (plan.rounding.mode != RoundingMode::kNearestEven || !symmetric_zero ||
      plan.overflow != plan.infinity) {
    return CastMethod::kAnyShift;
  }
  const bool overflows_to_infinity = to.has_infinity() && plan.overflow == Infinities(to);
  if (to.exponent_bits == kSource.exponent_bits && to.bias == kSource.bias &&
      plan.discarded_bits > 0 && overflows_to_infinity) {
    return CastMethod::kUpperBits;
  }
  // The aligned addend 2^(exponent + discarded bits) must be a binary32 even one binade above the
  // largest finite value, where inputs are clamped. Its parity is that of the significand, which is
  // that of the code only where there are trailing bits.
  const bool addend_is_finite =
      to.max_exponent() + 1 + plan.discarded_bits <= kSource.max_exponent();
  const bool source_grid_is_finer = to.min_exponent() >= kSource.min_exponent();
  const bool significand_fits = to.trailing_bits >= 1 && plan.discarded_bits >= 2;
  if (addend_is_finite && source_grid_is_finer && significand_fits) return CastMethod::kAlignedAdd;
  return CastMethod::kAnyShift;
}

}  // namespace

std::string WhyNotPlanned(const FormatSpec& to) {
  if (to.specials == Specials::kE8m0) {
    if (to == formats::kFloat8E8m0fnu) return {};
  } else if (to.is_signed && to.storage_bits() <= 32 && to.trailing_bits <= kSource.trailing_bits &&
             (std::int64_t{kSource.max_exponent()} + 1 + to.bias) << to.trailing_bits <
                 std::int64_t{1} << 31) {
    return {};
  }
  return fmt::format("the SIMD cast does not reach codes of {}", formats::FormatName(to));
}

CastPlan MakeCastPlan(const FormatSpec& to, const Rounding& rounding, Overflow overflow) {
  ULPROOF_CHECK(WhyNotPlanned(to).empty(), WhyNotPlanned(to));
  const auto sign_mask = static_cast<std::uint32_t>(to.sign_mask());
  CastPlan plan = {
      .rounding = rounding,
      .method = CastMethod::kAnyShift,
      .storage_bytes = to.storage_bytes(),
      .trailing_bits = to.trailing_bits,
      .discarded_bits = kSource.trailing_bits - to.trailing_bits,
      .rebias = to.bias - kSource.bias - 1,
      .min_field = to.has_subnormals() ? 0 : INT32_MIN / 2,
      .resolves_subnormals = to.min_exponent() < kSource.min_exponent(),
      .max_finite = static_cast<std::uint32_t>(to.max_finite_code()),
      .sign_mask = sign_mask,
      .zero_sign_mask = to.has_negative_zero() ? sign_mask : 0,
      .overflow = FiniteOverflowCodes(to, rounding.mode, overflow),
      .infinity = InfinityCodes(to, overflow),
      .nan = static_cast<std::uint32_t>(to.canonical_nan_code()),
      .positive_only = !to.is_signed,
      .nonpositive = static_cast<std::uint32_t>(NonpositiveCode(to, overflow)),
  };
  plan.method = ChooseMethod(to, plan);
  if (plan.method == CastMethod::kAlignedAdd) {
    plan.clamp = static_cast<std::uint32_t>(to.max_exponent() + 1 + kSource.bias)
                 << kSource.trailing_bits;
    plan.min_exponent = static_cast<std::uint32_t>(to.min_exponent() + kSource.bias)
                        << kSource.trailing_bits;
  }
  return plan;
}

}  // namespace ulproof::cpu
