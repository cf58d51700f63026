// SPDX-License-Identifier: Apache-2.0
// The fused operations that contraction makes: plain definitions in integers, for any type.
#include "gpu/ptx/ops/by_operand.h"
#include "gpu/ptx/ops/float_parts.h"
#include "gpu/ptx/ops/select.h"

namespace ulproof::gpu::ptx::ops {
namespace {

constexpr std::uint64_t kFlushBit = 1;
constexpr std::uint64_t kSaturateBit = 2;
constexpr std::uint64_t kNegateProductBit = 4;
constexpr std::uint64_t kNegateAddendBit = 8;

Code FusedCode(const FormatSpec& format, std::uint64_t word, Code a, Code b, Code c) {
  const bool flush = (word & kFlushBit) != 0;
  const auto source = [&](Code code) {
    return flush && format.IsSubnormal(code) ? code & format.sign_mask() : code;
  };
  const Code factor = source(a) ^ ((word & kNegateProductBit) != 0 ? format.sign_mask() : 0);
  const Code addend = source(c) ^ ((word & kNegateAddendBit) != 0 ? format.sign_mask() : 0);
  const Code result = source(SoftFma(format, factor, source(b), addend, Rounding::kNearestEven));
  if ((word & kSaturateBit) == 0) return result;
  const Code one = static_cast<Code>(format.bias) << format.trailing_bits;
  if (format.IsNan(result) || format.IsNegative(result)) return 0;
  return result < one ? result : one;
}

template <typename T, bool kBfloat>
T Fused(std::uint64_t word, T a, T b, T c) {
  constexpr FormatSpec kFormat = sizeof(T) == 8   ? formats::kFloat64
                                 : sizeof(T) == 4 ? formats::kFloat32
                                 : kBfloat        ? formats::kBfloat16
                                                  : formats::kFloat16;
  return static_cast<T>(FusedCode(kFormat, word, a, b, c));
}
template <bool kBfloat>
std::uint32_t FusedPair(std::uint64_t word, std::uint32_t a, std::uint32_t b, std::uint32_t c) {
  constexpr FormatSpec kFormat = kBfloat ? formats::kBfloat16 : formats::kFloat16;
  const Code high = FusedCode(kFormat, word, a >> 16, b >> 16, c >> 16);
  const Code low = FusedCode(kFormat, word, a & 0xFFFF, b & 0xFFFF, c & 0xFFFF);
  return static_cast<std::uint32_t>(high << 16 | low);
}

Execute Choose(Type type) {
  switch (type) {
    case Type::kF16:
      return &ActiveLanes<&Fused<std::uint16_t, false>>;
    case Type::kBf16:
      return &ActiveLanes<&Fused<std::uint16_t, true>>;
    case Type::kF16x2:
      return &ActiveLanes<&FusedPair<false>>;
    case Type::kBf16x2:
      return &ActiveLanes<&FusedPair<true>>;
    case Type::kF32:
      return &ActiveLanes<&Fused<std::uint32_t, false>>;
    default:
      return &ActiveLanes<&Fused<std::uint64_t, false>>;
  }
}

}  // namespace

Binding FusedProduct(const Fusion& fusion) {
  return {Choose(fusion.type), (fusion.flush ? kFlushBit : 0) |
                                   (fusion.saturate ? kSaturateBit : 0) |
                                   (fusion.negates_product ? kNegateProductBit : 0) |
                                   (fusion.negates_addend ? kNegateAddendBit : 0)};
}

}  // namespace ulproof::gpu::ptx::ops
