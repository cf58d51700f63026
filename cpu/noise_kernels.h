// SPDX-License-Identifier: Apache-2.0
// Noise tensors (contract section 5) in SIMD.
#ifndef ULPROOF_CPU_NOISE_KERNELS_H_
#define ULPROOF_CPU_NOISE_KERNELS_H_

#include "cpu/targets.h"
#include "formats/operation.h"
#include "formats/tensor.h"

namespace ulproof::cpu {

// The noise of every element: int8, nibble words or binary32, as SignatureOf(op) says. Every law
// but two is exact: `boxmuller` and `normal2` are computed in binary32 (cpu/box_muller-inl.h), with
// the same bits on every target. Threaded by base::ParallelFor.
// Preconditions: op is a valid noise; `target` is one of RunnableTargets().
void RunNoise(Target target, const formats::Operation& op, const formats::Buffer& noise);

}  // namespace ulproof::cpu

#endif  // ULPROOF_CPU_NOISE_KERNELS_H_
