// SPDX-License-Identifier: Apache-2.0
// The end or the beginning of a tensor that is too large for any memory here: only its thread
// blocks run, and the buffers hold what those see. So a simulator reaches the code that only
// elements, blocks and groups from 2^32 on take.
#ifndef ULPROOF_GPU_TENSOR_PART_H_
#define ULPROOF_GPU_TENSOR_PART_H_

#include <cstdint>
#include <span>
#include <vector>

#include "formats/backend.h"
#include "gpu/kernels/registry.h"
#include "gpu/machine.h"

namespace ulproof::gpu {

struct TensorPart {
  formats::Operation whole, part;
  bool is_end = true;  // Else the beginning.
};

// `part` as the end of a tensor with that many rows before it, or, where it is one row, columns.
// Its elements keep their random numbers.
TensorPart EndAfterRows(const formats::Operation& part, std::uint64_t rows);
TensorPart EndAfterCols(const formats::Operation& part, std::uint64_t cols);
// `part`, one row, as the beginning of a row that goes on for so many columns.
TensorPart BeginningOfRow(const formats::Operation& part, std::uint64_t more_cols);

// The launches of `kernel` for the part, on PartBuffers. Of several launches only the last is for
// the whole tensor; what the earlier ones find out of it they find out of the part. Grid-stride
// loops go round once. Empty: no thread block begins, or none ends, where the part does, or there
// are more of them than a grid has. Precondition: a loop takes Launch::units_a_block in a round
// (not so where block_quantize.cu takes vectors).
std::vector<KernelLaunch> PartLaunches(const Kernel& kernel, const TensorPart& part);

// KernelBuffers of the part. But an output that does not grow with the tensor (NVFP4's scale of
// all) is left as it is at the tensor's end: the first thread block writes it, which does not run.
std::vector<KernelBuffer> PartBuffers(const TensorPart& part,
                                      std::span<const formats::ConstBuffer> inputs,
                                      std::span<const formats::Buffer> outputs);

}  // namespace ulproof::gpu

#endif  // ULPROOF_GPU_TENSOR_PART_H_
