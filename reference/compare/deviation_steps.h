// SPDX-License-Identifier: Apache-2.0
// The steps of a computation under a variant. Each is the reference's own where its knobs stand at
// their defaults, and is written from the same primitives where not. Internal to deviation*.cc.
#ifndef ULPROOF_REFERENCE_COMPARE_DEVIATION_STEPS_H_
#define ULPROOF_REFERENCE_COMPARE_DEVIATION_STEPS_H_

#include <cstdint>
#include <vector>

#include "formats/case.h"
#include "formats/codec.h"
#include "formats/tensor.h"
#include "reference/compare/deviation_variant.h"
#include "reference/exact/dyadic.h"
#include "reference/quantizers/fit.h"
#include "reference/quantizers/levels.h"

namespace ulproof::reference {

// --- Random words (deviation_random.cc)

// The logical index that the element at (row, col) uses.
std::uint64_t VariantIndex(const Variant& v, std::uint64_t row, std::uint64_t col);
int VariantIntegerNoise(const Variant& v, std::uint64_t element);
formats::Code VariantRealNoise(const Variant& v, std::uint64_t element);
// The r of a stochastic rounding by v.op.rounding.
std::uint32_t VariantRandom(const Variant& v, std::uint64_t element);

// --- Rounding (deviation_round.cc)

// One rounding under v.cast's knobs, from a value or a code.
formats::Code VariantRound(const CastVariant& cast, const formats::FormatSpec& to,
                           formats::Decoded x, const formats::Rounding& rounding,
                           formats::Overflow overflow, std::uint32_t random);
formats::Code VariantCast(const Variant& v, const formats::FormatSpec& from, formats::Code code,
                          const formats::FormatSpec& to, std::uint32_t random);
// To nearest, a tie by the rule.
formats::Code RoundNearest(const formats::FormatSpec& to, const formats::Decoded& x, TieRule ties,
                           formats::Overflow overflow);
// A dyadic number of at most 64 bits, sign of zero given.
formats::Decoded ToDecoded(const Dyadic& x, bool negative_zero);

// cast(R s + w) of contract section 7. Codes are binary32.
formats::Code VariantSample(const Variant& v, formats::Code noise, formats::Code scale,
                            formats::Code weight, std::uint32_t random);

// --- Maximum and scale (deviation_scale.cc)

// Elements of a matrix that share a maximum. `block` is their nominal shape.
struct MaxPlace {
  formats::Shape shape;
  formats::BlockGrid::Extent extent;
  formats::BlockShape block;
};
formats::Code VariantMax(const MaxVariant& max, const formats::ConstBuffer& w,
                         const MaxPlace& place);
formats::Code VariantScale(const Variant& v, formats::Code max, formats::Code bits);

// --- Backward (deviation_backward.cc)

formats::Code VariantBackward(const Variant& v, const formats::ConstBuffer& grad,
                              const formats::ConstBuffer& scale, std::uint64_t block);
// The sum of terms given by rows, and of term(row, col) over a block. Codes are binary32.
formats::Code VariantSum(const Variant& v, const std::vector<std::vector<formats::Code>>& rows);
template <typename Term>
formats::Code VariantSum(const Variant& v, const formats::BlockGrid::Extent& extent,
                         const Term& term) {
  std::vector<std::vector<formats::Code>> rows;
  for (std::uint64_t row = extent.row_begin; row < extent.row_end; ++row) {
    auto& terms = rows.emplace_back();
    for (std::uint64_t col = extent.col_begin; col < extent.col_end; ++col)
      terms.push_back(term(row, col));
  }
  return VariantSum(v, rows);
}

// --- Block-scaled formats (deviation_quantize.cc)

formats::Code VariantMxScale(const Variant& v, formats::Code max);
formats::Code VariantMxElement(const Variant& v, formats::Code scale, formats::Code w);
formats::Code VariantTensorScale(const Variant& v, formats::Code max);
formats::Code VariantGroupScale(const Variant& v, formats::Code tensor_scale,
                                formats::Code group_max);
formats::Code VariantNvfp4Element(const Variant& v, formats::Code tensor_scale,
                                  formats::Code group_scale, formats::Code w);
formats::Code VariantDequantize(const Variant& v, formats::Code element, formats::Code scale,
                                formats::Code tensor_scale);

// --- Quantizers with a fitted scale (deviation_levels.cc, _fit.cc, _gradient.cc). Codes are
// binary32.

LeveledElement VariantLevel(const Variant& v, formats::Code x, formats::Code scale,
                            formats::Code zero);
formats::Code VariantFakeQuantize(const Variant& v, formats::Code x, formats::Code scale,
                                  formats::Code zero);
formats::Code VariantPerturb(const Variant& v, formats::Code noise, formats::Code x,
                             formats::Code scale, formats::Code limit);
// Of a block, by fit or refit.
FittedScale VariantFit(const Variant& v, const formats::Case& c, std::uint64_t block);
// grad_s of a block, then grad_x of its elements, row-major.
std::vector<formats::Code> VariantGradient(const Variant& v, const formats::Case& c,
                                           std::uint64_t block);

}  // namespace ulproof::reference

#endif  // ULPROOF_REFERENCE_COMPARE_DEVIATION_STEPS_H_
