// SPDX-License-Identifier: Apache-2.0
// Block-scaled quantisation in SIMD (contract section 9): MX with its four scale rules and NVFP4 in
// the operation order of the contract, along rows or over square blocks, and back. All targets and
// any number of threads give the same bits. Dequantisation looks up tables that are rounded exactly
// once (cpu/block_dequantize.cc), the same for every target.
#ifndef ULPROOF_CPU_BLOCK_QUANTIZE_KERNELS_H_
#define ULPROOF_CPU_BLOCK_QUANTIZE_KERNELS_H_

#include <span>
#include <string>

#include "cpu/targets.h"
#include "formats/operation.h"
#include "formats/tensor.h"

namespace ulproof::cpu {

// Empty when the operation is computed here, else the reason why not.
// Precondition: op is a valid quantize (dequantize).
std::string WhyQuantizeUnsupported(const formats::Operation& op);
std::string WhyDequantizeUnsupported(const formats::Operation& op);

// Inputs and outputs are the buffers of SignatureOf(op), in order. Precondition: supported.
void RunQuantize(Target target, const formats::Operation& op,
                 std::span<const formats::ConstBuffer> inputs,
                 std::span<const formats::Buffer> outputs);
void RunDequantize(Target target, const formats::Operation& op,
                   std::span<const formats::ConstBuffer> inputs,
                   std::span<const formats::Buffer> outputs);

}  // namespace ulproof::cpu

#endif  // ULPROOF_CPU_BLOCK_QUANTIZE_KERNELS_H_
