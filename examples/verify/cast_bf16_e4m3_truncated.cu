// SPDX-License-Identifier: Apache-2.0
// cast_bf16_e4m3.cu with an idea that saves instructions and is wrong: the FP8 code out of the bits
// of the float, cut off where it should be rounded. docs/verify.md shows what verify says to it.
#include <cuda_bf16.h>

extern "C" __global__ void cast_to_fp8(const __nv_bfloat16* w, unsigned char* out,
                                       unsigned int n) {
  const unsigned int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i >= n) return;
  const unsigned int bits = __float_as_uint(__bfloat162float(w[i]));
  const unsigned int sign = bits >> 24 & 0x80u;
  const unsigned int magnitude = bits & 0x7FFFFFFFu;
  unsigned int code;
  if (magnitude > 0x7F800000u) {
    code = 0x7Fu;  // NaN
    out[i] = static_cast<unsigned char>(code);
    return;
  }
  if (magnitude >= 0x43E00000u) {
    code = 0x7Eu;  // 448 and beyond: the largest value.
  } else if (magnitude >= 0x3C800000u) {
    code = (magnitude >> 20) - ((127u - 7u) << 3);  // 2^-6 and beyond: three bits remain.
  } else {
    code = static_cast<unsigned int>(__uint_as_float(magnitude) * 512.0f);  // Subnormal: 2^-9 each.
  }
  out[i] = static_cast<unsigned char>(sign | code);
}
