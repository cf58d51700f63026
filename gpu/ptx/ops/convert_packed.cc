// SPDX-License-Identifier: Apache-2.0
// cvt to and from packed values: pairs of binary16 and bfloat16, the 8-, 6- and 4-bit formats, and
// ue8m0 scales. The first source goes to the high part. .satfinite and .relu act on each element.
// .rs adds random bits below the last place that stays and takes the carry, with the layout of
// `rbits` as the PTX ISA words it (no chip at hand has confirmed the .rs forms).
#include <algorithm>

#include "gpu/ptx/ops/float_parts.h"
#include "gpu/ptx/ops/select.h"

namespace ulproof::gpu::ptx::ops {
namespace {

// One packed destination or source type: its element format, and where elements sit.
struct Packed {
  Type type;
  FormatSpec format;
  int count;
  int stride;  // Bits from one element to the next; element 0 is the lowest.
};

constexpr Packed kPacked[] = {
    {Type::kF16x2, formats::kFloat16, 2, 16},      {Type::kBf16x2, formats::kBfloat16, 2, 16},
    {Type::kE4m3x2, formats::kFloat8E4m3fn, 2, 8}, {Type::kE5m2x2, formats::kFloat8E5m2, 2, 8},
    {Type::kE2m3x2, formats::kFloat6E2m3fn, 2, 8}, {Type::kE3m2x2, formats::kFloat6E3m2fn, 2, 8},
    {Type::kE2m1x2, formats::kFloat4E2m1fn, 2, 4}, {Type::kUe8m0x2, formats::kFloat8E8m0fnu, 2, 8},
    {Type::kE4m3x4, formats::kFloat8E4m3fn, 4, 8}, {Type::kE5m2x4, formats::kFloat8E5m2, 4, 8},
    {Type::kE2m3x4, formats::kFloat6E2m3fn, 4, 8}, {Type::kE3m2x4, formats::kFloat6E3m2fn, 4, 8},
    {Type::kE2m1x4, formats::kFloat4E2m1fn, 4, 4},
};

const Packed* FindPacked(Type type) {
  for (const Packed& packed : kPacked) {
    if (packed.type == type) return &packed;
  }
  return nullptr;
}

// One element from binary32 or binary16, by the flags; `random` only for .rs.
Code Narrow(const FormatSpec& to, const FormatSpec& from, Code code, const FloatFlags& flags,
            int random_bits, std::uint32_t random) {
  if (from.IsNan(code)) return DefaultNan(to);
  if (flags.relu && from.IsNegative(code)) return 0;
  const RoundingControl control{.rounding = flags.rounding,
                                .saturate = flags.saturate_finite,
                                .random_bits = random_bits,
                                .random = random};
  if (from.IsInfinity(code)) {
    const Code sign = from.IsNegative(code) ? to.sign_mask() : 0;
    return sign | (flags.saturate_finite || !to.has_infinity() ? to.max_finite_code()
                                                               : to.infinity_code());
  }
  return RoundTo(to, FromCode(from, code), control);
}

// Exact: binary16 holds every value of the 8-, 6- and 4-bit formats.
std::uint32_t WidenToHalf(const FormatSpec& from, Code code, bool relu) {
  if (from.IsNan(code)) return 0x7FFF;
  if (relu && from.IsNegative(code)) return 0;
  if (from.IsInfinity(code)) return from.IsNegative(code) ? 0xFC00 : 0x7C00;
  return static_cast<std::uint32_t>(RoundTo(formats::kFloat16, FromCode(from, code), {}));
}

// A scale 2^(code - 127), from the magnitude of a binary32. NaN gives 0xFF; zero and what lies
// below the smallest scale give 0; beyond the largest: it, or with .rp without .satfinite, NaN.
// A negative source has its magnitude taken: PTX says no more of it.
std::uint32_t ScaleFromFloat(std::uint32_t bits, const FloatFlags& flags) {
  const std::uint32_t magnitude = bits & ~kSign32;
  if (magnitude > kInfinity32) return 0xFF;
  if (magnitude == kInfinity32) return flags.saturate_finite ? 0xFE : 0xFF;
  std::uint32_t exponent = magnitude >> 23;
  const std::uint32_t trailing = magnitude & 0x7FFFFF;
  if (flags.rounding == Rounding::kUp) {
    // 2^-127 is the subnormal 0x400000: code 0 up to it, code 1 above.
    const bool above = exponent == 0 ? trailing > 0x400000 : trailing != 0;
    exponent += above ? 1 : 0;
  }
  if (exponent == 0xFF) return flags.saturate_finite ? 0xFE : 0xFF;
  return exponent;
}
// 2^-127 is subnormal in bfloat16.
std::uint32_t BfloatFromScale(std::uint32_t code) {
  if (code == 0xFF) return 0x7FFF;
  return code == 0 ? 0x0040 : code << 7;
}

// The parameter: flags in bits 0-7, destination type in 8-15, source type in 16-23.
struct PackedForm {
  FloatFlags flags;
  const Packed& to;
  const Packed* from;

  explicit PackedForm(std::uint64_t word)
      : flags(word & 0xFF),
        to(*FindPacked(static_cast<Type>(word >> 8 & 0xFF))),
        from(FindPacked(static_cast<Type>(word >> 16 & 0xFF))) {}
};
std::uint64_t WordOf(const Form& form) {
  return FloatFlags::Of(form) | static_cast<std::uint64_t>(form.type(0)) << 8 |
         static_cast<std::uint64_t>(form.type(1)) << 16;
}

// Two binary32 to a pair.
std::uint32_t PairFromFloats(std::uint64_t word, std::uint32_t a, std::uint32_t b) {
  const PackedForm form(word);
  if (form.to.type == Type::kUe8m0x2) {
    return ScaleFromFloat(a, form.flags) << 8 | ScaleFromFloat(b, form.flags);
  }
  const Code high = Narrow(form.to.format, formats::kFloat32, a, form.flags, 0, 0);
  const Code low = Narrow(form.to.format, formats::kFloat32, b, form.flags, 0, 0);
  return static_cast<std::uint32_t>(high << form.to.stride | low);
}
// A pair of binary16 or bfloat16 to a pair.
std::uint32_t PairFromPair(std::uint64_t word, std::uint32_t a) {
  const PackedForm form(word);
  if (form.to.type == Type::kUe8m0x2) {
    return ScaleFromFloat(a & 0xFFFF0000, form.flags) << 8 | ScaleFromFloat(a << 16, form.flags);
  }
  const FormatSpec& from = form.from->format;
  const Code high = Narrow(form.to.format, from, a >> 16, form.flags, 0, 0);
  const Code low = Narrow(form.to.format, from, a & 0xFFFF, form.flags, 0, 0);
  return static_cast<std::uint32_t>(high << form.to.stride | low);
}
// A pair of small values to a pair of binary16 or bfloat16.
std::uint32_t PairToWide(std::uint64_t word, std::uint32_t a) {
  const PackedForm form(word);
  const int stride = form.from->stride;
  const std::uint32_t high = a >> stride;
  if (form.from->type == Type::kUe8m0x2) {
    return BfloatFromScale(high & 0xFF) << 16 | BfloatFromScale(a & 0xFF);
  }
  const FormatSpec& from = form.from->format;
  const Code mask = from.code_mask();
  return WidenToHalf(from, high & mask, form.flags.relu) << 16 |
         WidenToHalf(from, a & mask, form.flags.relu);
}

// .rs to f16x2 (13 random bits each) and bf16x2 (16): the upper half of rbits is for the first.
std::uint32_t PairStochastic(std::uint64_t word, std::uint32_t a, std::uint32_t b,
                             std::uint32_t random) {
  const PackedForm form(word);
  const int bits = form.to.type == Type::kF16x2 ? 13 : 16;
  const std::uint32_t mask = (1U << bits) - 1;
  const Code high =
      Narrow(form.to.format, formats::kFloat32, a, form.flags, bits, random >> 16 & mask);
  const Code low = Narrow(form.to.format, formats::kFloat32, b, form.flags, bits, random & mask);
  return static_cast<std::uint32_t>(high << 16 | low);
}

// .rs of four binary32 {a, b, e, f}, a in the highest element. Sixteen random bits serve two
// sources: the upper half of rbits a and b, the lower e and f; for e2m1x4 the upper bytes of both
// halves serve a and b, the lower bytes e and f.
std::uint32_t QuadStochastic(std::uint64_t word, std::uint32_t a, std::uint32_t b, std::uint32_t e,
                             std::uint32_t f, std::uint32_t random) {
  const PackedForm form(word);
  std::uint32_t first = random >> 16;
  std::uint32_t second = random & 0xFFFF;
  if (form.to.type == Type::kE2m1x4) {
    first = (random >> 24) << 8 | (random >> 8 & 0xFF);
    second = (random >> 16 & 0xFF) << 8 | (random & 0xFF);
  }
  Code result = 0;
  const std::uint32_t sources[] = {a, b, e, f};
  for (int i = 0; i < 4; ++i) {
    const Code element = Narrow(form.to.format, formats::kFloat32, sources[i], form.flags, 16,
                                i < 2 ? first : second);
    result = result << form.to.stride | element;
  }
  return static_cast<std::uint32_t>(result);
}

// The common forms, free of branches.
template <bool kRelu>
std::uint32_t ReluBits(std::uint32_t bits) {
  return kRelu && (bits & kSign32) != 0 && (bits & ~kSign32) <= kInfinity32 ? 0 : bits;
}
template <bool kRelu>
std::uint32_t BfloatPair(std::uint32_t a, std::uint32_t b) {
  return BfloatFromFloat(ReluBits<kRelu>(a)) << 16 | BfloatFromFloat(ReluBits<kRelu>(b));
}
template <bool kRelu>
std::uint32_t HalfPair(std::uint32_t a, std::uint32_t b) {
  return HalfFromFloat(ReluBits<kRelu>(a)) << 16 | HalfFromFloat(ReluBits<kRelu>(b));
}
// Saturation begins past the largest finite value: what rounds to it stays equal to it.
std::uint32_t E4m3(std::uint32_t bits) { return NarrowNearest<4, 3>(bits, 0x7F, 0x43E00000, 0x7E); }
std::uint32_t E5m2(std::uint32_t bits) { return NarrowNearest<5, 2>(bits, 0x7F, 0x47600000, 0x7B); }
std::uint32_t E3m2(std::uint32_t bits) { return NarrowNearest<3, 2>(bits, 0x1F, 0x41E00000, 0x1F); }
std::uint32_t E2m3(std::uint32_t bits) { return NarrowNearest<2, 3>(bits, 0x1F, 0x40F00000, 0x1F); }
std::uint32_t E2m1(std::uint32_t bits) { return NarrowNearest<2, 1>(bits, 0x07, 0x40C00000, 0x07); }
template <std::uint32_t (*kNarrow)(std::uint32_t), int kStride>
std::uint16_t SmallPair(std::uint32_t a, std::uint32_t b) {
  return static_cast<std::uint16_t>(kNarrow(a) << kStride | kNarrow(b));
}

Execute FastSmallPair(Type to) {
  switch (to) {
    case Type::kE4m3x2:
      return &Lanes<&SmallPair<&E4m3, 8>>;
    case Type::kE5m2x2:
      return &Lanes<&SmallPair<&E5m2, 8>>;
    case Type::kE3m2x2:
      return &Lanes<&SmallPair<&E3m2, 8>>;
    case Type::kE2m3x2:
      return &Lanes<&SmallPair<&E2m3, 8>>;
    case Type::kE2m1x2:
      return &Lanes<&SmallPair<&E2m1, 4>>;
    default:
      return nullptr;
  }
}

}  // namespace

Binding ConvertPairFromFloats(const Form& form) {
  const Type to = form.type();
  const bool plain = !form.Has("rz") && !form.Has("satfinite");
  if (to == Type::kBf16x2 && plain) {
    return {form.Has("relu") ? &Lanes<&BfloatPair<true>> : &Lanes<&BfloatPair<false>>};
  }
  if (to == Type::kF16x2 && plain) {
    return {form.Has("relu") ? &Lanes<&HalfPair<true>> : &Lanes<&HalfPair<false>>};
  }
  if (!form.Has("relu")) {
    if (const Execute fast = FastSmallPair(to)) return {fast};
  }
  return {&ActiveLanes<&PairFromFloats>, WordOf(form)};
}
Binding ConvertPairFromPair(const Form& form) {
  return {&ActiveLanes<&PairFromPair>, WordOf(form)};
}
Binding ConvertPairToWide(const Form& form) { return {&ActiveLanes<&PairToWide>, WordOf(form)}; }
Binding ConvertPairStochastic(const Form& form) {
  return {&ActiveLanes<&PairStochastic>, WordOf(form)};
}
Binding ConvertQuadStochastic(const Form& form) {
  return {&ActiveLanes<&QuadStochastic>, WordOf(form)};
}

namespace {

// cvt.pack.sat: a and b saturated to `to`, a in the higher part; with c, its low half moves up
// and the pair takes the lowest places (8-bit types only). Parameter: the type.
std::uint32_t PackWith(std::uint64_t word, std::uint32_t a, std::uint32_t b, std::uint32_t c) {
  const auto type = static_cast<Type>(word);
  const int bits = BitsOf(type);
  const std::int64_t low = IsSigned(type) ? -(std::int64_t{1} << (bits - 1)) : 0;
  const std::int64_t high = (std::int64_t{1} << (IsSigned(type) ? bits - 1 : bits)) - 1;
  const std::uint32_t mask = (1U << bits) - 1;
  const auto clamp = [&](std::uint32_t x) {
    const auto clamped = std::clamp<std::int64_t>(static_cast<std::int32_t>(x), low, high);
    return static_cast<std::uint32_t>(clamped) & mask;
  };
  const std::uint32_t pair = clamp(a) << bits | clamp(b);
  return bits == 16 ? pair : c << (2 * bits) | pair;
}
std::uint32_t PackPlain(std::uint64_t word, std::uint32_t a, std::uint32_t b) {
  return PackWith(word, a, b, 0);
}

}  // namespace

Binding ConvertPack(const Form& form) {
  const auto type = static_cast<std::uint64_t>(form.type());
  return BitsOf(form.type()) == 16 ? Binding{&ActiveLanes<&PackPlain>, type}
                                   : Binding{&ActiveLanes<&PackWith>, type};
}

}  // namespace ulproof::gpu::ptx::ops
