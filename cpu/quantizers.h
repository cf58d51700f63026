// SPDX-License-Identifier: Apache-2.0
// The quantizers with a fitted scale in SIMD (contract section 14): fit, refit, fake_quantize,
// fake_backward and perturb. All targets and any number of threads give the same bits: sums are
// canonical, every step is one IEEE operation, and blocks or rows go to threads whole.
#ifndef ULPROOF_CPU_QUANTIZERS_H_
#define ULPROOF_CPU_QUANTIZERS_H_

#include <span>
#include <string>

#include "cpu/targets.h"
#include "formats/operation.h"
#include "formats/tensor.h"

namespace ulproof::cpu {

// Empty when the operation is computed here, else the reason why not: x must be float32, bfloat16
// or float16, and perturb's noise one of the exact laws. Precondition: op is valid, of one of those
// five kinds.
std::string WhyQuantizerUnsupported(const formats::Operation& op);

// Inputs and outputs are the buffers of SignatureOf(op), in order. Precondition: supported.
void RunQuantizer(Target target, const formats::Operation& op,
                  std::span<const formats::ConstBuffer> inputs,
                  std::span<const formats::Buffer> outputs);

}  // namespace ulproof::cpu

#endif  // ULPROOF_CPU_QUANTIZERS_H_
