// SPDX-License-Identifier: Apache-2.0
// The statistics, levels and gradients of one block or row in SIMD (contract section 14): what
// cpu/quantizers.cc is made of. Sums are canonical and every step is one IEEE operation, so that
// all targets give the same bits.
#ifndef ULPROOF_CPU_QUANTIZER_KERNELS_H_
#define ULPROOF_CPU_QUANTIZER_KERNELS_H_

#include <cstdint>

#include "cpu/quantizer_plan.h"
#include "cpu/targets.h"
#include "formats/block_spec.h"

namespace ulproof::cpu {

struct QuantizerKernels {
  using Extent = formats::BlockGrid::Extent;
  // One row of the matrix: columns [begin, end), which lie in one block. `limit` for perturb, the
  // zero point for fake_quantize.
  using Row = void (*)(const QuantizerPlan& plan, const void* x, std::uint64_t row,
                       std::uint64_t begin, std::uint64_t end, float scale, float limit_or_zero,
                       float* y);

  BlockMoments (*moments)(const QuantizerPlan& plan, const void* x, const Extent& block);
  BlockMagnitudes (*magnitudes)(const QuantizerPlan& plan, const void* x, const Extent& block);
  // One step of OCTAV from `clip`; `noise` is 4^-bits / 3.
  float (*next_octav_clip)(const QuantizerPlan& plan, const void* x, const Extent& block,
                           float noise, float clip);
  // max |x| as a binary32 code: NaN is above infinity.
  std::uint32_t (*largest_code)(const QuantizerPlan& plan, const void* x, const Extent& block);
  // Precondition: no NaN in the block.
  BlockEnds (*ends)(const QuantizerPlan& plan, const void* x, const Extent& block);
  FittedPair (*refit)(const QuantizerPlan& plan, const void* x, const Extent& block,
                      const FittedPair& start);
  Row fake_quantize_row;
  Row perturb_row;
  // Writes grad_x of the block and returns grad_scale.
  float (*fake_backward)(const QuantizerPlan& plan, const void* grad, const void* x,
                         const Extent& block, float scale, float zero, float* grad_x);
};

// Precondition: `target` is one of RunnableTargets().
QuantizerKernels QuantizerKernelsOf(Target target);

}  // namespace ulproof::cpu

#endif  // ULPROOF_CPU_QUANTIZER_KERNELS_H_
