// SPDX-License-Identifier: Apache-2.0
// A straight-line kernel for the simulator's benchmark and test: eight bfloat16 weights a thread,
// Philox4x32-10, the rg16 noise law, one FMA and one rounding an element (contract sections 4, 5 and
// 7 with a given scale). noise_bf16.ptx is made from it:
//   nvcc -ptx -arch=sm_80 noise_bf16.cu -o noise_bf16.ptx
#include <cuda_bf16.h>

#include <cstdint>

__device__ __forceinline__ void Philox(std::uint32_t (&c)[4], std::uint32_t k0, std::uint32_t k1) {
#pragma unroll
  for (int round = 0; round < 10; ++round) {
    const std::uint32_t high0 = __umulhi(0xD2511F53U, c[0]);
    const std::uint32_t low0 = 0xD2511F53U * c[0];
    const std::uint32_t high1 = __umulhi(0xCD9E8D57U, c[2]);
    const std::uint32_t low1 = 0xCD9E8D57U * c[2];
    c[0] = high1 ^ c[1] ^ k0;
    c[1] = low1;
    c[2] = high0 ^ c[3] ^ k1;
    c[3] = low0;
    k0 += 0x9E3779B9U;
    k1 += 0xBB67AE85U;
  }
}

extern "C" __global__ void noise_bf16(std::uint32_t* out, const std::uint32_t* weights, float scale,
                                      std::uint64_t seed, std::uint64_t stream,
                                      std::uint32_t groups) {
  const std::uint32_t group = blockIdx.x * blockDim.x + threadIdx.x;
  if (group >= groups) return;
  std::uint32_t words[4] = {group, 0, static_cast<std::uint32_t>(stream),
                            static_cast<std::uint32_t>(stream >> 32)};
  Philox(words, static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32));
  const uint4 in = reinterpret_cast<const uint4*>(weights)[group];
  const std::uint32_t pairs[4] = {in.x, in.y, in.z, in.w};
  std::uint32_t results[4];
#pragma unroll
  for (int i = 0; i < 4; ++i) {
    float sampled[2];
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      const std::uint32_t u = half != 0 ? words[i] >> 16 : words[i] & 0xFFFF;
      const std::uint32_t magnitude_bits = u & 0x7FFF;
      const int magnitude = (magnitude_bits < 10398) + (magnitude_bits < 88);
      const int noise = (u & 0x8000) != 0 ? -magnitude : magnitude;
      const float weight =
          __uint_as_float(half != 0 ? pairs[i] & 0xFFFF0000U : pairs[i] << 16);
      sampled[half] = __fmaf_rn(static_cast<float>(noise), scale, weight);
    }
    const __nv_bfloat162 rounded = __floats2bfloat162_rn(sampled[0], sampled[1]);
    results[i] = *reinterpret_cast<const std::uint32_t*>(&rounded);
  }
  reinterpret_cast<uint4*>(out)[group] =
      make_uint4(results[0], results[1], results[2], results[3]);
}
