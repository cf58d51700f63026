// SPDX-License-Identifier: Apache-2.0
// fma.rn.f32 by the host's fused multiply-add instruction, where it has one.
#ifndef ULPROOF_GPU_PTX_OPS_FMA_HOST_H_
#define ULPROOF_GPU_PTX_OPS_FMA_HOST_H_

#include "gpu/ptx/form.h"

namespace ulproof::gpu::ptx::ops {

// Null when the host has no such instruction. Same bits as the portable code of float32.cc.
Execute HostFma(bool flush, bool saturate);

// fma.rn.f32 without it.
Binding PortableFmaFloat32(const Form& form);

}  // namespace ulproof::gpu::ptx::ops

#endif  // ULPROOF_GPU_PTX_OPS_FMA_HOST_H_
