// SPDX-License-Identifier: Apache-2.0
// cvt to and from packed values against the reference's Cast. Would catch: the first source in the
// low half, a saturation that misses infinity, a scale rounded the wrong way at 2^-127, random bits
// taken from the wrong field.
#include <gtest/gtest.h>

#include "tests/gpu/ptx/form_runner.h"
#include "tests/gpu/ptx/oracle.h"

namespace ulproof::gpu::ptx {
namespace {

using formats::FormatSpec;
using formats::Overflow;
using formats::Rounding;
using formats::RoundingMode;

struct FloatType {
  std::string_view name;
  FormatSpec format;
};
constexpr FloatType kFloats[] = {{"f16", formats::kFloat16}, {"bf16", formats::kBfloat16}};

struct Small {
  std::string_view name;
  FormatSpec format;
  Type type;
  int stride;
};
constexpr Small kSmall[] = {
    {"e4m3", formats::kFloat8E4m3fn, Type::kB16, 8},
    {"e5m2", formats::kFloat8E5m2, Type::kB16, 8},
    {"e2m3", formats::kFloat6E2m3fn, Type::kB16, 8},
    {"e3m2", formats::kFloat6E3m2fn, Type::kB16, 8},
    {"e2m1", formats::kFloat4E2m1fn, Type::kB8, 4},
};

std::uint64_t SmallCode(const Small& to, const FormatSpec& from, std::uint64_t x, bool relu) {
  if (from.IsNan(x)) return to.format.has_nan() ? 0x7F : to.format.max_finite_code();
  if (relu && from.IsNegative(x)) return 0;
  return reference::Cast(from, x, to.format, {RoundingMode::kNearestEven}, Overflow::kSaturate);
}

TEST(ConvertPacked, PairsOfSmallFormats) {
  const Bits in = RoundingInputsOf(Type::kF32);
  const Bits reversed(in.rbegin(), in.rend());
  for (const Small& small : kSmall) {
    for (const bool relu : {false, true}) {
      const std::string text = std::string("cvt.rn.satfinite.") + (relu ? "relu." : "") +
                               std::string(small.name) + "x2.f32";
      const Bits out =
          RunForm({text + " %d, %a, %b;", small.type, {Type::kF32, Type::kF32}}, {in, reversed});
      for (std::size_t i = 0; i < in.size(); ++i) {
        const std::uint64_t high = SmallCode(small, formats::kFloat32, in[i], relu);
        const std::uint64_t low = SmallCode(small, formats::kFloat32, reversed[i], relu);
        ASSERT_EQ(out[i], high << small.stride | low)
            << text << std::hex << " " << in[i] << " " << reversed[i];
      }
      if (small.stride == 8 && small.format.storage_bits() == 8) {
        Bits pairs;
        for (std::uint64_t code = 0; code < 65536; ++code)
          pairs.push_back(code << 16 | (code * 40503 & 0xFFFF));
        const std::string from_pair = std::string("cvt.rn.satfinite.") + (relu ? "relu." : "") +
                                      std::string(small.name) + "x2.f16x2";
        const Bits packed = RunForm({from_pair + " %d, %a;", Type::kB16, {Type::kB32}}, {pairs});
        for (std::size_t i = 0; i < pairs.size(); ++i) {
          ASSERT_EQ(packed[i], SmallCode(small, formats::kFloat16, pairs[i] >> 16, relu) << 8 |
                                   SmallCode(small, formats::kFloat16, pairs[i] & 0xFFFF, relu))
              << from_pair << std::hex << pairs[i];
        }
      }
      // Back to binary16, all codes.
      Bits codes;
      for (std::uint64_t code = 0; code < (1ULL << BitsOf(small.type)); ++code)
        codes.push_back(code);
      const std::string back = std::string("cvt.rn.") + (relu ? "relu." : "") + "f16x2." +
                               std::string(small.name) + "x2";
      const Bits wide = RunForm({back + " %d, %a;", Type::kB32, {small.type}}, {codes});
      for (const std::uint64_t code : codes) {
        const auto widened = [&](std::uint64_t element) -> std::uint64_t {
          element &= small.format.code_mask();
          if (small.format.IsNan(element)) return 0x7FFF;
          if (relu && small.format.IsNegative(element)) return 0;
          return reference::Cast(small.format, element, formats::kFloat16, {}, Overflow::kIeee);
        };
        ASSERT_EQ(wide[code], widened(code >> small.stride) << 16 | widened(code))
            << back << std::hex << " " << code;
      }
    }
  }
}

TEST(ConvertPacked, PairsOfHalves) {
  const Bits in = RoundingInputsOf(Type::kF32);
  const Bits reversed(in.rbegin(), in.rend());
  for (const FloatType& to : kFloats) {
    for (const std::string modifiers :
         {"rn", "rz", "rn.relu", "rn.satfinite", "rz.relu.satfinite"}) {
      const std::string text = "cvt." + modifiers + "." + std::string(to.name) + "x2.f32";
      const Bits out =
          RunForm({text + " %d, %a, %b;", Type::kB32, {Type::kF32, Type::kF32}}, {in, reversed});
      const bool relu = modifiers.find("relu") != std::string::npos;
      const Overflow overflow =
          modifiers.find("satfinite") != std::string::npos ? Overflow::kSaturate : Overflow::kIeee;
      const Rounding rounding{modifiers[1] == 'n' ? RoundingMode::kNearestEven
                                                  : RoundingMode::kTowardZero};
      const auto one = [&](std::uint64_t x) -> std::uint64_t {
        if (formats::kFloat32.IsNan(x)) return 0x7FFF;
        const std::uint64_t code =
            reference::Cast(formats::kFloat32, x, to.format, rounding, overflow);
        return relu && to.format.IsNegative(code) ? 0 : code;
      };
      for (std::size_t i = 0; i < in.size(); ++i) {
        ASSERT_EQ(out[i], one(in[i]) << 16 | one(reversed[i])) << text << std::hex << " " << in[i];
      }
    }
  }
}

// Scales are powers of two: .rz rounds the magnitude down, .rp up.
TEST(ConvertPacked, ScalesE8m0) {
  const Bits in = RoundingInputsOf(Type::kF32);
  for (const std::string mode : {"rz", "rp"}) {
    for (const bool saturates : {false, true}) {
      const std::string text = "cvt." + mode + (saturates ? ".satfinite" : "") + ".ue8m0x2.";
      const auto one = [&](std::uint64_t x) -> std::uint64_t {
        const FormatSpec& f = formats::kFloat32;
        const std::uint64_t magnitude = x & f.magnitude_mask();
        if (f.IsNan(x)) return 0xFF;
        if (f.IsInfinity(x)) return saturates ? 0xFE : 0xFF;
        const auto value = reference::Dyadic::FromCode(f, magnitude);
        if (value.is_zero()) return 0;
        const std::int64_t exponent = (mode == "rz" ? value.FloorLog2() : value.CeilLog2()) + 127;
        if (exponent < 0) return 0;
        return exponent > 254 ? (saturates ? 0xFE : 0xFF) : static_cast<std::uint64_t>(exponent);
      };
      const Bits out = RunForm({text + "f32 %d, %a, %b;", Type::kB16, {Type::kF32, Type::kF32}},
                               {in, Bits(in.rbegin(), in.rend())});
      for (std::size_t i = 0; i < in.size(); ++i) {
        ASSERT_EQ(out[i], one(in[i]) << 8 | one(in[in.size() - 1 - i]))
            << text << std::hex << " " << in[i];
      }
      Bits pairs;
      for (std::uint64_t code = 0; code < 65536; ++code)
        pairs.push_back(code << 16 | (code * 40503 & 0xFFFF));
      const Bits packed = RunForm({text + "bf16x2 %d, %a;", Type::kB16, {Type::kB32}}, {pairs});
      for (std::size_t i = 0; i < pairs.size(); ++i) {
        ASSERT_EQ(packed[i], one(pairs[i] & 0xFFFF0000) << 8 | one(pairs[i] << 16 & 0xFFFF0000))
            << text;
      }
    }
  }
  Bits codes;
  for (std::uint64_t code = 0; code < 65536; ++code) codes.push_back(code);
  const Bits wide = RunForm({"cvt.rn.bf16x2.ue8m0x2 %d, %a;", Type::kB32, {Type::kB16}}, {codes});
  for (const std::uint64_t code : codes) {
    const auto one = [](std::uint64_t scale) -> std::uint64_t {
      if (scale == 0xFF) return 0x7FFF;
      return reference::Cast(formats::kFloat8E8m0fnu, scale, formats::kBfloat16, {},
                             Overflow::kIeee);
    };
    ASSERT_EQ(wide[code], one(code >> 8) << 16 | one(code & 0xFF));
  }
}

// .rs is the contract's sra with 13 or 16 bits, from the fields of rbits that the PTX ISA names.
TEST(ConvertPacked, StochasticForms) {
  const Bits all = RoundingInputsOf(Type::kF32);
  Bits in[4];
  for (std::size_t i = 0; i + 3 < all.size(); i += 3) {
    for (std::size_t k = 0; k < 4; ++k) in[k].push_back(all[(i + k * 577) % all.size()]);
  }
  const Bits random = RandomsOf(Type::kB32, in[0].size(), 6);
  const auto cast = [](const FormatSpec& to, std::uint64_t x, int bits, std::uint64_t r,
                       Overflow overflow) -> std::uint64_t {
    if (formats::kFloat32.IsNan(x))
      return to.has_nan() ? to.magnitude_mask() : to.max_finite_code();
    return reference::Cast(formats::kFloat32, x, to, {RoundingMode::kStochasticA, bits}, overflow,
                           static_cast<std::uint32_t>(r));
  };
  for (const auto& [name, format, bits] :
       {std::tuple("f16", formats::kFloat16, 13), std::tuple("bf16", formats::kBfloat16, 16)}) {
    const std::string text = std::string("cvt.rs.") + name + "x2.f32 %d, %a, %b, %c;";
    const Bits out =
        RunForm({text, Type::kB32, {Type::kF32, Type::kF32, Type::kB32}}, {in[0], in[1], random});
    for (std::size_t i = 0; i < out.size(); ++i) {
      const std::uint64_t mask = (1ULL << bits) - 1;
      ASSERT_EQ(out[i], cast(format, in[0][i], bits, random[i] >> 16 & mask, Overflow::kIeee)
                                << 16 |
                            cast(format, in[1][i], bits, random[i] & mask, Overflow::kIeee))
          << text << std::hex << in[0][i];
    }
  }
  for (const Small& small : kSmall) {
    const std::string text =
        "cvt.rs.satfinite." + std::string(small.name) + "x4.f32 %d, {%a, %b, %c, %e}, %f;";
    const Type type = small.stride == 4 ? Type::kB16 : Type::kB32;
    const Bits out = RunForm({text, type, std::vector<Type>(5, Type::kB32)},
                             {in[0], in[1], in[2], in[3], random});
    for (std::size_t i = 0; i < out.size(); ++i) {
      const std::uint64_t r = random[i];
      const bool four = small.stride == 4;
      const std::uint64_t upper = four ? (r >> 24 << 8) | (r >> 8 & 0xFF) : r >> 16;
      const std::uint64_t lower = four ? (r >> 8 & 0xFF00) | (r & 0xFF) : r & 0xFFFF;
      std::uint64_t wanted = 0;
      for (int k = 0; k < 4; ++k)
        wanted = wanted << small.stride |
                 cast(small.format, in[k][i], 16, k < 2 ? upper : lower, Overflow::kSaturate);
      ASSERT_EQ(out[i], wanted) << text << i;
    }
  }
}

TEST(ConvertPacked, PackSaturated) {
  const Bits a = EdgesOf(Type::kS32);
  const Bits b(a.rbegin(), a.rend());
  const std::vector<Type> three(3, Type::kB32);
  const auto clamp = [](std::uint64_t x, std::int64_t least, std::int64_t most,
                        std::uint64_t mask) {
    return static_cast<std::uint64_t>(std::min<std::int64_t>(
               std::max<std::int64_t>(static_cast<std::int32_t>(x), least), most)) &
           mask;
  };
  const Bits s16 = RunForm({"cvt.pack.sat.s16.s32 %d, %a, %b;", Type::kB32, three}, {a, b, a});
  const Bits u8 =
      RunForm({"cvt.pack.sat.u8.s32.b32 %d, %a, %b, %c;", Type::kB32, three}, {a, b, a});
  for (std::size_t i = 0; i < a.size(); ++i) {
    EXPECT_EQ(s16[i],
              clamp(a[i], -32768, 32767, 0xFFFF) << 16 | clamp(b[i], -32768, 32767, 0xFFFF));
    EXPECT_EQ(u8[i],
              (a[i] << 16 & 0xFFFF0000) | clamp(a[i], 0, 255, 255) << 8 | clamp(b[i], 0, 255, 255));
  }
}

}  // namespace
}  // namespace ulproof::gpu::ptx
