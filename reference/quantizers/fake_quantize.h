// SPDX-License-Identifier: Apache-2.0
// Quantise-dequantise under a given scale and zero point, its gradients, and added noise (contract
// section 14): StatQAT's and LSQ's forward, the backward of LSQ and of GDNSQ with its element-wise
// variant AEWGS, and the forward of DiffQ and NIPQ.
#ifndef ULPROOF_REFERENCE_QUANTIZERS_FAKE_QUANTIZE_H_
#define ULPROOF_REFERENCE_QUANTIZERS_FAKE_QUANTIZE_H_

#include <cstdint>
#include <span>

#include "formats/operation.h"
#include "formats/tensor.h"

namespace ulproof::reference {

// y = RN32(q * s + z), q the level of x. Binary32 codes.
formats::Code FakeQuantize(const formats::Levels& levels, formats::Code x, formats::Code scale,
                           formats::Code zero);

// One block; inputs and outputs are the buffers of SignatureOf(op), in order.
// Precondition: op.kind is kFakeBackward.
void FakeBackwardBlock(const formats::Operation& op, std::span<const formats::ConstBuffer> inputs,
                       std::span<const formats::Buffer> outputs, std::uint64_t block);

// RN32(R * s + x) within +-limit, R that of logical element `element`.
formats::Code Perturb(const formats::Operation& op, formats::Code x, formats::Code scale,
                      formats::Code limit, std::uint64_t element);

}  // namespace ulproof::reference

#endif  // ULPROOF_REFERENCE_QUANTIZERS_FAKE_QUANTIZE_H_
