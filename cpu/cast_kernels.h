// SPDX-License-Identifier: Apache-2.0
// The cast of the contract (sections 2 and 3) in SIMD, one version per instruction set: from
// float32, bfloat16 and float16 to every format of up to 16 bits, float32 and tfloat32, in every
// rounding mode and under every overflow policy. All targets give the same bits.
#ifndef ULPROOF_CPU_CAST_KERNELS_H_
#define ULPROOF_CPU_CAST_KERNELS_H_

#include <cstddef>
#include <cstdint>
#include <string>

#include "cpu/cast_plan.h"
#include "cpu/targets.h"
#include "formats/operation.h"
#include "formats/tensor.h"

namespace ulproof::cpu {

// Casts `count` binary32 values to codes of the plan's format, plan.storage_bytes each.
// `random`: the r of each element, in [0, 2^N), for stochastic modes; unused (may be null) for the
// others. Exact to the bit; never allocates. `in` and `codes` do not overlap.
using CastRowFunction = void (*)(const CastPlan& plan, const float* in, void* codes,
                                 std::size_t count, const std::uint32_t* random);

// The kernel of one target for one plan: choose once, call per row.
// Precondition: `target` is one of RunnableTargets().
CastRowFunction CastRowKernel(Target target, const CastPlan& plan);

// Widens `count` codes of float32, bfloat16 or float16 to binary32 (exact; a NaN stays a NaN).
using WidenRowFunction = void (*)(const void* codes, float* out, std::size_t count);
// Precondition: WhyWidenUnsupported(from) is empty.
WidenRowFunction WidenRowKernel(Target target, const formats::FormatSpec& from);
std::string WhyWidenUnsupported(const formats::FormatSpec& from);

// Empty when RunCast computes this cast, else the reason why not. Precondition: op is a valid cast.
std::string WhyCastUnsupported(const formats::Operation& op);

// The whole cast, threaded by base::ParallelFor. Precondition: supported; x and y as in
// SignatureOf(op).
void RunCast(Target target, const formats::Operation& op, const formats::ConstBuffer& x,
             const formats::Buffer& y);

// Elements [begin, end) of the same cast (row-major index in the call), on the calling thread.
void CastRange(Target target, const formats::Operation& op, const formats::ConstBuffer& x,
               const formats::Buffer& y, std::uint64_t begin, std::uint64_t end);

}  // namespace ulproof::cpu

#endif  // ULPROOF_CPU_CAST_KERNELS_H_
