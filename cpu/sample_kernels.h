// SPDX-License-Identifier: Apache-2.0
// Block maximum, scale and the fused sample (contract sections 6 and 7) in SIMD. All targets and
// any number of threads give the same bits.
#ifndef ULPROOF_CPU_SAMPLE_KERNELS_H_
#define ULPROOF_CPU_SAMPLE_KERNELS_H_

#include <string>

#include "cpu/targets.h"
#include "formats/operation.h"
#include "formats/tensor.h"

namespace ulproof::cpu {

// Empty when the operation is computed here, else the reason why not: weights are float32, bfloat16
// or float16, and the output is any format that cpu/cast_plan.h plans.
// Precondition: op is a valid block_max (sample).
std::string WhyBlockMaxUnsupported(const formats::Operation& op);
std::string WhySampleUnsupported(const formats::Operation& op);

// Buffers as in SignatureOf(op); threaded by base::ParallelFor. Preconditions: supported; `target`
// is one of RunnableTargets().

// Exact. A block with a NaN gives a NaN, else one with an infinity +infinity.
void RunBlockMax(Target target, const formats::Operation& op, const formats::ConstBuffer& w,
                 const formats::Buffer& max);

// Correctly rounded exp2, then one rounded product; the same code for every target.
void RunScale(const formats::Operation& op, const formats::ConstBuffer& max,
              const formats::ConstBuffer& bits, const formats::Buffer& scale);

// cast(RN32(R * s + w)): the weights are read from memory once and the result written once, the
// noise is made on the way. Exact except for the laws `boxmuller` and `normal2` (binary32 noise).
void RunSample(Target target, const formats::Operation& op, const formats::ConstBuffer& w,
               const formats::ConstBuffer& bits, const formats::Buffer& sampled);

}  // namespace ulproof::cpu

#endif  // ULPROOF_CPU_SAMPLE_KERNELS_H_
