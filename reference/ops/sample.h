// SPDX-License-Identifier: Apache-2.0
// Gaussian weight sampling (contract section 7): w plus rounded noise of the block's scale, cast to
// the output format. Two roundings, by contract: the sum is a binary32.
#ifndef ULPROOF_REFERENCE_OPS_SAMPLE_H_
#define ULPROOF_REFERENCE_OPS_SAMPLE_H_

#include <cstdint>

#include "formats/operation.h"
#include "formats/tensor.h"

namespace ulproof::reference {

// One element with its intermediates.
struct SampledElement {
  formats::Code noise;    // R, a binary32 code.
  formats::Code sum;      // t = RN32(R * s + w), one rounding.
  std::uint32_t random;   // The r of the cast; 0 unless its rounding is stochastic.
  formats::Code sampled;  // cast(float32 -> op.to) of t.

  friend bool operator==(const SampledElement&, const SampledElement&) = default;
};

// Samples the logical element `element`. `weight` and `scale` are binary32 codes of w and s.
// IEEE 754 decides specials: an infinite or NaN scale poisons even R = 0, and a weight of -0 with
// R = 0 becomes +0. A NaN result is the canonical code of op.to.
// Precondition: op.kind is kSample.
SampledElement SampleElement(const formats::Operation& op, formats::Code weight,
                             formats::Code scale, std::uint64_t element);

// s of one block: Scale(BlockMax, its bitwidth). `w` and `bits` are the operation's inputs.
formats::Code SampleScale(const formats::Operation& op, const formats::ConstBuffer& w,
                          const formats::ConstBuffer& bits, std::uint64_t block);

// Samples one block of the operation's grid: reads w and bits, writes the block's elements of
// `sampled`. Preconditions: the buffers are those of SignatureOf(op); block < op.grid().count().
void SampleBlock(const formats::Operation& op, const formats::ConstBuffer& w,
                 const formats::ConstBuffer& bits, const formats::Buffer& sampled,
                 std::uint64_t block);

}  // namespace ulproof::reference

#endif  // ULPROOF_REFERENCE_OPS_SAMPLE_H_
