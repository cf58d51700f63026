// SPDX-License-Identifier: Apache-2.0
#include "cli/code_distance.h"

#include <fmt/format.h>

#include <bit>

namespace ulproof::cli {

using formats::Code;
using formats::FormatSpec;

int DistanceClass(const FormatSpec& spec, Code a, Code b) {
  const bool a_nan = spec.IsNan(a);
  const bool b_nan = spec.IsNan(b);
  if (a_nan && b_nan) return kDistanceTwoNans;
  if (a_nan || b_nan) return kDistanceOneNan;
  const Code a_magnitude = a & spec.magnitude_mask();
  const Code b_magnitude = b & spec.magnitude_mask();
  // Across zero the way goes through it; a magnitude of 64 bits has no sign beside it.
  const bool same_sign = spec.IsNegative(a) == spec.IsNegative(b);
  const Code distance = !same_sign                  ? a_magnitude + b_magnitude
                        : a_magnitude > b_magnitude ? a_magnitude - b_magnitude
                                                    : b_magnitude - a_magnitude;
  return std::bit_width(distance);
}

int IntegerDistanceClass(int bits, bool is_signed, std::uint64_t a, std::uint64_t b) {
  if (is_signed) {  // Offset binary has the order of the numbers.
    const std::uint64_t sign = std::uint64_t{1} << (bits - 1);
    a ^= sign;
    b ^= sign;
  }
  return std::bit_width(a > b ? a - b : b - a);
}

std::string DistanceClassName(int distance_class) {
  switch (distance_class) {
    case kDistanceZeroSign:
      return "sign of zero";
    case kDistanceOneNan:
      return "a NaN";
    case kDistanceTwoNans:
      return "NaN codes";
    case 1:
      return "1";
    default:
      break;
  }
  if (distance_class <= 10) {
    return fmt::format("{}-{}", 1 << (distance_class - 1), (1 << distance_class) - 1);
  }
  return fmt::format("2^{}-2^{}", distance_class - 1, distance_class);
}

}  // namespace ulproof::cli
