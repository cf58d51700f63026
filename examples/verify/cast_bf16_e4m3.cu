// SPDX-License-Identifier: Apache-2.0
// A kernel as it stands in many code bases: weights in, FP8 out, a 32-bit count. For
// `ulproof verify cast_bf16_e4m3.cu --manifest cast_bf16_e4m3.json` (docs/verify.md).
#include <cuda_bf16.h>
#include <cuda_fp8.h>

extern "C" __global__ void cast_to_fp8(const __nv_bfloat16* w, __nv_fp8_storage_t* out,
                                       unsigned int n) {
  const unsigned int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i < n) {
    out[i] = __nv_cvt_float_to_fp8(__bfloat162float(w[i]), __NV_SATFINITE, __NV_E4M3);
  }
}
