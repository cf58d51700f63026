// SPDX-License-Identifier: Apache-2.0
// The gradient of the bitwidths (contract section 8) in SIMD, in the canonical order of additions,
// with the noise made again from its key.
#ifndef ULPROOF_CPU_BACKWARD_KERNELS_H_
#define ULPROOF_CPU_BACKWARD_KERNELS_H_

#include <string>

#include "cpu/targets.h"
#include "formats/operation.h"
#include "formats/tensor.h"

namespace ulproof::cpu {

// Empty when computed here, else the reason why not. Precondition: op is a valid backward.
std::string WhyBackwardUnsupported(const formats::Operation& op);

// grad_bits of a block = RN32(RN32(-ln2 * s) * sum of RN32(grad * R)). All targets and any number
// of threads give the same bits. Exact except for the laws `boxmuller` and `normal2` (binary32
// noise). Buffers as in SignatureOf(op). Preconditions: supported; `target` is one of
// RunnableTargets().
void RunBackward(Target target, const formats::Operation& op, const formats::ConstBuffer& grad,
                 const formats::ConstBuffer& scale, const formats::Buffer& grad_bits);

}  // namespace ulproof::cpu

#endif  // ULPROOF_CPU_BACKWARD_KERNELS_H_
