// SPDX-License-Identifier: Apache-2.0
#include "cli/scale_group_cases.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>

#include "formats/codec.h"

namespace ulproof::cli {
namespace {

using formats::Case;
using formats::Operation;

// A group's elements: beside the midpoints of the element's format under the scale that `max`
// stands for, none of them larger; `max` itself in one place.
void FillGroup(Case& c, const formats::BlockGrid::Extent& extent, std::uint64_t group,
               formats::Code max, const std::vector<formats::Code>& edges, float unit,
               reference::Rng& rng) {
  const formats::FormatSpec& from = c.op.from;
  const std::uint64_t width = extent.col_end - extent.col_begin;
  const int shift = 32 - from.storage_bits();
  for (std::uint64_t i = 0; i < width; ++i) {
    const auto edge = std::bit_cast<float>(static_cast<std::uint32_t>(rng.Pick(edges) << shift));
    formats::Code code = std::bit_cast<std::uint32_t>(std::abs(edge) * unit) >> shift;
    if (code > max || rng.OneIn(16)) code = rng.Below(max + 1);
    if (rng.OneIn(8)) code = 0;
    if (i == group * 7 % width) code = max;
    c.inputs[0].Set(extent.row_begin * c.op.shape.cols + extent.col_begin + i,
                    code | (rng.OneIn(2) ? from.sign_mask() : 0));
  }
}

// Groups of an MX format by what decides their scale: subnormal maxima, exponents of the whole
// range, significands at which the rules part, and now and then no number.
Case WithMxGroups(Operation op, std::uint64_t rows, std::uint64_t cols, std::uint64_t top_exponent,
                  const std::vector<formats::Code>& edges, reference::Rng& rng) {
  op.shape = {.rows = rows, .cols = cols};
  Case c = reference::RandomCase(op, rng);
  const int bits = op.from.trailing_bits;
  const formats::Code trailing = (formats::Code{1} << bits) - 1, half = (trailing + 1) / 2;
  const int largest = op.block_format.is_int8 ? 0 : op.block_format.element.max_exponent();
  for (std::uint64_t group = 0; group < op.scale_grid().count(); ++group) {
    const auto extent = op.scale_grid().ExtentOf(group);
    const std::uint64_t field = rng.OneIn(6) ? 0 : rng.Below(top_exponent + 1);
    const auto significands = std::to_array<formats::Code>(
        {0, 1, trailing, half, half - 1, half + half / 2, rng.Next() & trailing});
    const formats::Code max = field << bits | rng.Pick(significands);
    const double scale = std::ldexp(1.0, static_cast<int>(field) - 127 - largest);
    FillGroup(c, extent, group, max, edges, static_cast<float>(scale), rng);
    if (rng.OneIn(24)) {
      c.inputs[0].Set(extent.row_begin * cols + extent.col_begin,
                      rng.OneIn(2) ? op.from.infinity_code() : op.from.canonical_nan_code());
    }
  }
  return c;
}

// Groups of NVFP4 whose maxima are the tensor's times powers of two, so that each has its whole
// scale, and a multiple of three, so that the midpoints are elements: there products are rounded to
// a midpoint, or just miss it. With `has_ties` the tensor's scale is a power of two instead, and
// groups' maxima are six times the midpoints of their scales.
Case WithNvfp4Groups(Operation op, std::uint64_t rows, std::uint64_t cols,
                     std::uint64_t top_exponent, const std::vector<formats::Code>& edges,
                     bool has_ties, reference::Rng& rng) {
  op.shape = {.rows = rows, .cols = cols};
  Case c = reference::RandomCase(op, rng);
  const int bits = op.from.trailing_bits;
  // Of 8 bits, from a smaller number.
  const auto trailing_of = [&](std::uint64_t number) -> formats::Code {
    while (number < 128) number *= 2;
    return (number - 128) << (bits - 7);
  };
  std::uint64_t significand = has_ties ? 2688 / 16 : 3 * (2 * rng.Below(20) + 1);
  while (significand < 128) significand *= 2;
  const formats::Code trailing = trailing_of(significand);
  for (std::uint64_t group = 0; group < op.scale_grid().count(); ++group) {
    const std::uint64_t down = group == 0 ? 0 : std::min(top_exponent, rng.Below(18));
    // Some stand between two scales, so that their elements go beyond the largest or stay below it.
    const bool is_between = group != 0 && rng.OneIn(4);
    formats::Code own = is_between ? rng.Below(trailing + 1) : trailing;
    if (has_ties && down != 0 && !is_between) own = trailing_of(3 * (17 + 2 * rng.Below(8)));
    const formats::Code max = (top_exponent - down) << bits | own;
    const double value = std::ldexp(static_cast<double>(significand) / 128,
                                    static_cast<int>(top_exponent - down) - 127);
    FillGroup(c, op.scale_grid().ExtentOf(group), group, max, edges, static_cast<float>(value / 6),
              rng);
  }
  return c;
}

}  // namespace

void AddScaleGroups(Operation op, reference::Rng& rng, std::vector<Case>& cases) {
  const std::uint64_t finite = op.from.max_finite_code() >> op.from.trailing_bits;
  const formats::FormatSpec element =
      op.block_format.is_int8 ? formats::kFloat8E4m3fn : op.block_format.element;
  const std::vector<formats::Code> edges = reference::RoundingEdges(op.from, element);
  for (const std::uint64_t cols : {256, 250}) {
    if (op.block_format.has_tensor_scale) {
      for (const std::uint64_t top :
           {finite, finite - 4, std::uint64_t{150}, std::uint64_t{130}, std::uint64_t{127},
            std::uint64_t{100}, std::uint64_t{24}, std::uint64_t{6}, std::uint64_t{0}}) {
        cases.push_back(WithNvfp4Groups(op, 24, cols, top, edges, false, rng));
      }
      cases.push_back(WithNvfp4Groups(op, 24, cols, 127, edges, true, rng));
      cases.push_back(cases.back());  // No number in it but one infinity.
      cases.back().inputs[0].Set(77, op.from.infinity_code());
      continue;
    }
    for (const formats::ScaleRule rule : formats::kScaleRules) {
      op.rule = rule;
      for (const std::uint64_t top : {finite, finite, std::uint64_t{20}}) {
        cases.push_back(WithMxGroups(op, 32, cols, top, edges, rng));
      }
    }
  }
}

}  // namespace ulproof::cli
