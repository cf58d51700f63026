// SPDX-License-Identifier: Apache-2.0
// One function for one instruction set, chosen at run time: the library is built for the baseline
// processor. Nothing with external linkage may be used here, since the linker could keep this
// file's copy of it for everyone.
#include "gpu/ptx/ops/fma_host.h"

#include <cstring>

#if defined(__x86_64__) && defined(__GNUC__)

namespace ulproof::gpu::ptx::ops {
namespace {

constexpr std::uint32_t kNan = 0x7FFFFFFF;
constexpr std::uint32_t kSign = 0x80000000;
constexpr std::uint32_t kExponent = 0x7F800000;

typedef float Floats __attribute__((vector_size(32)));
typedef std::uint32_t Words __attribute__((vector_size(32)));

__attribute__((target("avx2,fma"), always_inline)) inline Words FlushWords(Words x) {
  const auto is_small = static_cast<Words>((x & kExponent) == 0);
  return (x & ~is_small) | (x & kSign & is_small);
}

template <bool kFlush, bool kSaturate>
__attribute__((target("avx2,fma"))) void Fma(const Operation& operation, Warp& warp,
                                             LaneMask mask) {
  const Words bit = {1, 2, 4, 8, 16, 32, 64, 128};
  for (int lane = 0; lane < kLanes; lane += 8) {
    Words a;
    Words b;
    Words c;
    Words d;
    std::byte* const file = warp.registers + 4 * lane;
    std::memcpy(&a, file + operation.operand[1], sizeof(a));
    std::memcpy(&b, file + operation.operand[2], sizeof(b));
    std::memcpy(&c, file + operation.operand[3], sizeof(c));
    if (kFlush) {
      a = FlushWords(a);
      b = FlushWords(b);
      c = FlushWords(c);
    }
    Floats x;
    Floats y;
    Floats z;
    std::memcpy(&x, &a, sizeof(x));
    std::memcpy(&y, &b, sizeof(y));
    std::memcpy(&z, &c, sizeof(z));
    for (int i = 0; i < 8; ++i) z[i] = __builtin_fmaf(x[i], y[i], z[i]);
    Words result;
    if (kSaturate) {
      Words bits;
      std::memcpy(&bits, &z, sizeof(bits));
      if (kFlush) bits = FlushWords(bits);
      std::memcpy(&z, &bits, sizeof(z));
      const auto positive = static_cast<Words>(z > 0.0F);
      const auto above = static_cast<Words>(z > 1.0F);
      result = (bits & positive & ~above) | (above & 0x3F800000);
    } else {
      std::memcpy(&result, &z, sizeof(result));
      if (kFlush) result = FlushWords(result);
      const auto is_nan = static_cast<Words>(z != z);
      result = (result & ~is_nan) | (is_nan & kNan);
    }
    std::byte* const to = file + operation.operand[0];
    if (mask != kAllLanes) {
      std::memcpy(&d, to, sizeof(d));
      const Words keep = static_cast<Words>(((mask >> lane) & bit) == 0);
      result = (result & ~keep) | (d & keep);
    }
    std::memcpy(to, &result, sizeof(result));
  }
}

}  // namespace

Execute HostFma(bool flush, bool saturate) {
  static const bool has_fma = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  if (!has_fma) return nullptr;
  if (flush) return saturate ? &Fma<true, true> : &Fma<true, false>;
  return saturate ? &Fma<false, true> : &Fma<false, false>;
}

}  // namespace ulproof::gpu::ptx::ops

#else

namespace ulproof::gpu::ptx::ops {

Execute HostFma(bool, bool) { return nullptr; }

}  // namespace ulproof::gpu::ptx::ops

#endif
