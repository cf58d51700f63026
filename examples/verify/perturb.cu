// SPDX-License-Identifier: Apache-2.0
// A sampling kernel of somebody else's: output first, 32-bit sides, the block scale computed by an
// earlier kernel, a step number for the stream, no offset. perturb.json says so to
// `ulproof verify perturb.cu --manifest perturb.json`, which then feeds it the reference's scale.
#include <cuda_bf16.h>

// Philox4x32-10; returns the 16 bits of element i.
static __device__ unsigned int Draw16(unsigned long long seed, unsigned long long step,
                                      unsigned int i) {
  unsigned int c0 = i / 8, c1 = 0, c2 = static_cast<unsigned int>(step),
               c3 = static_cast<unsigned int>(step >> 32);
  unsigned int k0 = static_cast<unsigned int>(seed), k1 = static_cast<unsigned int>(seed >> 32);
  for (int round = 0; round < 10; ++round) {
    const unsigned int high0 = __umulhi(0xD2511F53u, c0), low0 = 0xD2511F53u * c0;
    const unsigned int high1 = __umulhi(0xCD9E8D57u, c2), low1 = 0xCD9E8D57u * c2;
    c0 = high1 ^ c1 ^ k0;
    c1 = low1;
    c2 = high0 ^ c3 ^ k1;
    c3 = low0;
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
  const unsigned int lane = i % 8;
  const unsigned int word = lane < 2 ? c0 : lane < 4 ? c1 : lane < 6 ? c2 : c3;
  return lane % 2 == 0 ? word & 0xFFFFu : word >> 16;
}

extern "C" __global__ void perturb(__nv_bfloat16* out, const __nv_bfloat16* w, const float* scale,
                                   int rows, int cols, unsigned long long seed,
                                   unsigned long long step) {
  const int col = blockIdx.x * 32 + threadIdx.x;
  const int row = blockIdx.y * 8 + threadIdx.y;
  if (row >= rows || col >= cols) return;
  const unsigned int i = static_cast<unsigned int>(row) * cols + col;
  const unsigned int u = Draw16(seed, step, i);
  const unsigned int magnitude = u & 0x7FFFu;
  const float size = magnitude < 88u ? 2.0f : magnitude < 10398u ? 1.0f : 0.0f;
  const float r = (u & 0x8000u) && size != 0.0f ? -size : size;
  const float s = scale[row / 32 * ((cols + 31) / 32) + col / 32];
  out[i] = __float2bfloat16_rn(__fmaf_rn(r, s, __bfloat162float(w[i])));
}
