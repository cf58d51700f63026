// SPDX-License-Identifier: Apache-2.0
// Random words of contract section 4: Philox4x32-10, a pure function of (seed, stream, group). One
// group is four 32-bit words; the compiler sees ten straight-line rounds of two wide multiplies
// each.
#ifndef ULPROOF_GPU_KERNELS_PHILOX_CUH_
#define ULPROOF_GPU_KERNELS_PHILOX_CUH_

#include <cstdint>

namespace ulproof::gpu {

// seed names the run, stream the draw, offset the logical index of the call's first element.
struct RandomKey {
  std::uint64_t seed, stream, offset;
};

struct Words {
  std::uint32_t w0, w1, w2, w3;
};

__device__ __forceinline__ Words PhiloxWords(std::uint64_t seed, std::uint64_t stream,
                                             std::uint64_t group) {
  std::uint32_t c0 = static_cast<std::uint32_t>(group),
                c1 = static_cast<std::uint32_t>(group >> 32);
  std::uint32_t c2 = static_cast<std::uint32_t>(stream),
                c3 = static_cast<std::uint32_t>(stream >> 32);
  std::uint32_t k0 = static_cast<std::uint32_t>(seed), k1 = static_cast<std::uint32_t>(seed >> 32);
#pragma unroll
  for (int round = 0; round < 10; ++round) {
    // High and low halves apart: as 64-bit products the compiler would drag 64-bit xors through.
    const std::uint32_t high0 = __umulhi(0xD2511F53u, c0), low0 = 0xD2511F53u * c0;
    const std::uint32_t high1 = __umulhi(0xCD9E8D57u, c2), low1 = 0xCD9E8D57u * c2;
    c0 = high1 ^ c1 ^ k0;
    c1 = low1;
    c2 = high0 ^ c3 ^ k1;
    c3 = low0;
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
  return {c0, c1, c2, c3};
}

}  // namespace ulproof::gpu

#endif  // ULPROOF_GPU_KERNELS_PHILOX_CUH_
