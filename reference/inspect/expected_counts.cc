// SPDX-License-Identifier: Apache-2.0
// Written from contract section 10 and apart from reference/ops/statistics.cc, so that each can
// find the other's mistakes: here values are compared as exact numbers.
#include "reference/inspect/expected_counts.h"

#include "base/check.h"
#include "reference/exact/dyadic.h"
#include "reference/ops/arith.h"
#include "reference/ops/cast.h"
#include "reference/ops/sample.h"

namespace ulproof::reference {
namespace {

using formats::Code;
using formats::FormatSpec;
using formats::kFloat32;
using formats::Operation;

// The binary32 code of a small integer.
Code Float32OfInteger(int r) {
  return *formats::EncodeExact(kFloat32, r < 0, static_cast<std::uint64_t>(std::abs(r)), 0);
}

bool SameValue(const FormatSpec& spec, Code a, Code b) {
  if (!spec.IsFinite(a) || !spec.IsFinite(b)) return a == b;
  return Dyadic::FromCode(spec, a) == Dyadic::FromCode(spec, b);
}

void AddElement(const Operation& op, Code w, Code scale, int r, const Rational& probability,
                ExpectedCounts& counts) {
  const FormatSpec& to = op.to;
  const auto cast = [&](Code x) {
    return RoundToFormatDetail(to, formats::Decode(kFloat32, x), op.rounding, op.overflow);
  };
  const Code noise = Float32OfInteger(r);
  const Code sum = Fma32(noise, scale, w);
  const RoundDetail sampled = cast(sum);
  const bool finite = to.IsFinite(sampled.code);
  if (r != 0 && SameValue(to, sampled.code, cast(w).code)) counts.absorbed += probability;
  if (r != 0 && !kFloat32.IsZero(w) &&
      SameValue(to, sampled.code, cast(Mul32(noise, scale)).code)) {
    counts.swamped += probability;
  }
  if (!kFloat32.IsZero(sum) && to.IsZero(sampled.code)) counts.flushed += probability;
  if (to.IsSubnormal(sampled.code) && sampled.inexact) counts.subnormal += probability;
  if (sampled.overflow) (finite ? counts.saturated : counts.overflowed) += probability;
  if (finite && Dyadic::FromCode(to, sampled.code) ==
                    Dyadic::FromCode(kFloat32, noise) * Dyadic::FromCode(kFloat32, scale) +
                        Dyadic::FromCode(kFloat32, w)) {
    counts.exact += probability;
  }
}

const formats::ThresholdLaw& ThresholdsOf(formats::NoiseLaw law) {
  switch (law) {
    case formats::NoiseLaw::kRg32:
      return formats::kRg32Law;
    case formats::NoiseLaw::kRgbits:
      return formats::kRgbitsLaw;
    default:
      ULPROOF_CHECK(law == formats::NoiseLaw::kRg16);
      return formats::kRg16Law;
  }
}

}  // namespace

ExpectedCounts ExpectSample(const Operation& op, const formats::ConstBuffer& w,
                            const formats::ConstBuffer& bits) {
  ULPROOF_CHECK(op.kind == formats::OpKind::kSample && !op.rounding.is_stochastic());
  const formats::ThresholdLaw& law = ThresholdsOf(op.law);
  ExpectedCounts counts;
  for (std::uint64_t block = 0; block < op.grid().count(); ++block) {
    const Code scale = SampleScale(op, w, bits, block);
    const formats::BlockGrid::Extent extent = op.grid().ExtentOf(block);
    for (std::uint64_t row = extent.row_begin; row < extent.row_end; ++row) {
      for (std::uint64_t col = extent.col_begin; col < extent.col_end; ++col) {
        const Code weight = ToFloat32(op.from, w.Get(row * op.shape.cols + col));
        if (!kFloat32.IsFinite(weight) || !kFloat32.IsFinite(scale)) continue;
        for (int r = -LargestMagnitude(law); r <= LargestMagnitude(law); ++r) {
          AddElement(op, weight, scale, r, Probability(law, r), counts);
        }
      }
    }
  }
  return counts;
}

}  // namespace ulproof::reference
