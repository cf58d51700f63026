// SPDX-License-Identifier: Apache-2.0
// Prints tests/vectors/curand_philox.kat: what cuRAND's own Philox4x32-10 generator gives, computed
// on the host by the CUDA toolkit's header. Build and run (no GPU needed):
//   nvcc -o make_curand_philox make_curand_philox.cu && ./make_curand_philox
#define QUALIFIERS static inline __host__ __device__
#include <curand_kernel.h>

#include <cstdio>

int main() {
  std::printf("# SPDX-License-Identifier: Apache-2.0\n");
  std::printf("# cuRAND's Philox4_32_10 generator: the four words of curand4() after\n");
  std::printf(
      "# curand_init(seed, subsequence, offset), from curand_kernel.h of cuRAND %d, run on\n",
      CURAND_VERSION);
  std::printf(
      "# the host by tests/vectors/makers/make_curand_philox.cu. Decimal arguments, hex words.\n");
  std::printf("# curand seed subsequence offset   w0 w1 w2 w3\n");
  const unsigned long long seeds[] = {0, 1, 0x123456789ABCDEFull, ~0ull};
  const unsigned long long subsequences[] = {0, 2, 1ull << 32, 0x8000000000000000ull, ~0ull};
  const unsigned long long offsets[] = {
      0, 4, 12, 4ull << 32, (4ull << 32) + 4, 0x0000040000000014ull, ~0ull - 3};
  for (const auto seed : seeds) {
    for (const auto subsequence : subsequences) {
      for (const auto offset : offsets) {
        curandStatePhilox4_32_10_t state;
        curand_init(seed, subsequence, offset, &state);
        const uint4 words = curand4(&state);
        std::printf("curand %llu %llu %llu   %08x %08x %08x %08x\n", seed, subsequence, offset,
                    words.x, words.y, words.z, words.w);
      }
    }
  }
}
