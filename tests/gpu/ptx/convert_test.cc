// SPDX-License-Identifier: Apache-2.0
// cvt against the reference's Cast and host integers: exhaustive from 16-bit and smaller types,
// edges, ends of ranges and random codes from wider ones. Would catch: a rounding mode mixed up,
// saturation at the wrong value, NaN codes, sign extension into
// wider registers.
#include <gtest/gtest.h>

#include <bit>
#include <cmath>

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
  Type type;
  FormatSpec format;
  std::uint64_t nan;
};
constexpr FloatType kFloats[] = {
    {"f16", Type::kF16, formats::kFloat16, 0x7FFF},
    {"bf16", Type::kBf16, formats::kBfloat16, 0x7FFF},
    {"f32", Type::kF32, formats::kFloat32, 0x7FFFFFFF},
    {"f64", Type::kF64, formats::kFloat64, 0xFFF8000000000000},
};

TEST(Convert, FloatToFloat) {
  for (const FloatType& from : kFloats) {
    const Bits in = RoundingInputsOf(from.type);
    for (const FloatType& to : kFloats) {
      if (from.type == to.type) continue;
      const bool loses = to.format.trailing_bits < from.format.trailing_bits ||
                         to.format.exponent_bits < from.format.exponent_bits;
      for (const Mode& mode : kModes) {
        if (!loses && mode.name != "rn") continue;
        const std::string text = "cvt." + (loses ? std::string(mode.name) + "." : "") +
                                 std::string(to.name) + "." + std::string(from.name);
        const Bits out = RunForm({text + " %d, %a;", to.type, {from.type}}, {in});
        for (std::size_t i = 0; i < in.size(); ++i) {
          std::uint64_t wanted =
              reference::Cast(from.format, in[i], to.format, mode.rounding, Overflow::kIeee);
          if (from.format.IsNan(in[i])) {
            wanted = from.type == Type::kBf16 && to.type == Type::kF32 ? in[i] << 16 : to.nan;
          }
          ASSERT_EQ(out[i], wanted) << text << std::hex << " " << in[i];
        }
      }
    }
  }
}

TEST(Convert, FloatToFloatModifiers) {
  const Bits in = RoundingInputsOf(Type::kF32);
  const FormatSpec f32 = formats::kFloat32;
  struct Row {
    std::string_view text;
    Type type;
    FormatSpec to;
    Rounding rounding;
    bool relu, saturate_finite, flush, unit;
    int shift;
  };
  constexpr Rounding kRn{RoundingMode::kNearestEven};
  constexpr Rounding kRz{RoundingMode::kTowardZero};
  constexpr Rounding kRna{RoundingMode::kNearestAway};
  const FormatSpec tf32 = formats::SpecOf("tfloat32");
  for (const Row& row : {
           Row{"cvt.rn.relu.f16.f32", Type::kF16, formats::kFloat16, kRn, true, false, false, false,
               0},
           Row{"cvt.rn.satfinite.f16.f32", Type::kF16, formats::kFloat16, kRn, false, true, false,
               false, 0},
           Row{"cvt.rz.relu.satfinite.bf16.f32", Type::kBf16, formats::kBfloat16, kRz, true, true,
               false, false, 0},
           Row{"cvt.rn.ftz.f16.f32", Type::kF16, formats::kFloat16, kRn, false, false, true, false,
               0},
           Row{"cvt.rn.sat.f16.f32", Type::kF16, formats::kFloat16, kRn, false, false, false, true,
               0},
           Row{"cvt.sat.f32.f32", Type::kF32, f32, kRn, false, false, false, true, 0},
           Row{"cvt.ftz.f32.f32", Type::kF32, f32, kRn, false, false, true, false, 0},
           Row{"cvt.rna.tf32.f32", Type::kB32, tf32, kRna, false, false, false, false, 13},
           Row{"cvt.rna.satfinite.tf32.f32", Type::kB32, tf32, kRna, false, true, false, false, 13},
           Row{"cvt.rn.relu.tf32.f32", Type::kB32, tf32, kRn, true, false, false, false, 13},
           Row{"cvt.rz.tf32.f32", Type::kB32, tf32, kRz, false, false, false, false, 13},
       }) {
    const Bits out = RunForm({std::string(row.text) + " %d, %a;", row.type, {Type::kF32}}, {in});
    for (std::size_t i = 0; i < in.size(); ++i) {
      std::uint64_t x = in[i];
      if (row.flush && f32.IsSubnormal(x)) x &= f32.sign_mask();
      std::uint64_t wanted =
          reference::Cast(f32, x, row.to, row.rounding,
                          row.saturate_finite ? Overflow::kSaturate : Overflow::kIeee);
      if (row.flush && row.to == f32 && row.to.IsSubnormal(wanted)) wanted &= row.to.sign_mask();
      if (f32.IsNan(x))
        wanted = row.to.magnitude_mask();
      else if (row.relu && row.to.IsNegative(wanted))
        wanted = 0;
      if (row.unit) {
        const std::uint64_t one = static_cast<std::uint64_t>(row.to.bias) << row.to.trailing_bits;
        wanted = f32.IsNan(x) || row.to.IsNegative(wanted) ? 0 : std::min(wanted, one);
      }
      ASSERT_EQ(out[i], wanted << row.shift) << row.text << std::hex << " " << in[i];
    }
  }
}

long double RoundInteger(long double x, std::string_view mode) {
  return mode == "rni"   ? std::nearbyint(x)
         : mode == "rzi" ? std::trunc(x)
         : mode == "rmi" ? std::floor(x)
                         : std::ceil(x);
}
long double Value(const FormatSpec& f, std::uint64_t code) {
  const formats::Decoded d = formats::Decode(f, code);
  if (d.value_class == formats::ValueClass::kNan) return std::nan("");
  const long double magnitude =
      d.value_class == formats::ValueClass::kInfinity
          ? INFINITY
          : std::ldexp(static_cast<long double>(d.significand), d.exponent);
  return d.negative ? -magnitude : magnitude;
}

constexpr std::pair<std::string_view, Type> kIntegers[] = {
    {"u8", Type::kU8},   {"s8", Type::kS8},   {"u16", Type::kU16}, {"s16", Type::kS16},
    {"u32", Type::kU32}, {"s32", Type::kS32}, {"u64", Type::kU64}, {"s64", Type::kS64}};
constexpr std::string_view kIntegral[] = {"rni", "rzi", "rmi", "rpi"};

TEST(Convert, FloatToInteger) {
  for (const FloatType& from : kFloats) {
    const Bits in = RoundingInputsOf(from.type);
    for (const auto& [name, type] : kIntegers) {
      const Type result = BitsOf(type) == 8 ? Type::kB16 : type;
      const int bits = BitsOf(type);
      const long double most = std::ldexp(1.0L, IsSigned(type) ? bits - 1 : bits) - 1;
      const long double least = IsSigned(type) ? -most - 1 : 0;
      for (const std::string_view mode : kIntegral) {
        const std::string text =
            "cvt." + std::string(mode) + "." + std::string(name) + "." + std::string(from.name);
        const Bits out = RunForm({text + " %d, %a;", result, {from.type}}, {in});
        const std::uint64_t register_mask =
            BitsOf(result) == 64 ? ~0ULL : (1ULL << BitsOf(result)) - 1;
        for (std::size_t i = 0; i < in.size(); ++i) {
          const long double x = Value(from.format, in[i]);
          std::uint64_t wanted = 0;
          if (x != x) {
            wanted = bits == 64 || from.type == Type::kF64 ? 1ULL << (bits - 1) : 0;
            if (IsSigned(type))
              wanted = static_cast<std::uint64_t>(
                  static_cast<std::int64_t>(wanted << (64 - bits)) >> (64 - bits));
          } else {
            const long double y = std::min(std::max(RoundInteger(x, mode), least), most);
            wanted = y < 0 ? static_cast<std::uint64_t>(static_cast<std::int64_t>(y))
                           : static_cast<std::uint64_t>(y);
          }
          ASSERT_EQ(out[i], wanted & register_mask) << text << std::hex << " " << in[i];
        }
      }
    }
  }
}

TEST(Convert, FloatToIntegralFloat) {
  for (const FloatType& t : kFloats) {
    const Bits in = RoundingInputsOf(t.type);
    for (const std::string_view mode : kIntegral) {
      const std::string text =
          "cvt." + std::string(mode) + "." + std::string(t.name) + "." + std::string(t.name);
      const Bits out = RunForm({text + " %d, %a;", t.type, {t.type}}, {in});
      for (std::size_t i = 0; i < in.size(); ++i) {
        const long double x = Value(t.format, in[i]);
        if (x != x) {
          ASSERT_EQ(out[i], t.nan) << text;
        } else {
          const long double y = RoundInteger(x, mode);
          ASSERT_EQ(Value(t.format, out[i]), y) << text << std::hex << " " << in[i];
          ASSERT_EQ(t.format.IsNegative(out[i]), t.format.IsNegative(in[i])) << text;
        }
      }
    }
  }
}

TEST(Convert, IntegerToFloatAndInteger) {
  for (const auto& [from_name, from] : kIntegers) {
    const Type source = BitsOf(from) == 8 ? Type::kB16 : from;
    Bits in = EdgesOf(from);
    for (const std::uint64_t code : RandomsOf(from, 3000, 4)) in.push_back(code);
    // Upper bits of a wider source register must not matter.
    if (BitsOf(from) == 8) {
      for (std::size_t i = 0; i < in.size(); i += 2) in[i] |= 0xA500;
    }
    const int unused = 64 - BitsOf(from);
    const auto number = [&](std::uint64_t code) {
      return IsSigned(from)
                 ? static_cast<std::uint64_t>(static_cast<std::int64_t>(code << unused) >> unused)
                 : code << unused >> unused;
    };
    for (const FloatType& to : kFloats) {
      for (const Mode& mode : kModes) {
        const std::string text = "cvt." + std::string(mode.name) + "." + std::string(to.name) +
                                 "." + std::string(from_name);
        const Bits out = RunForm({text + " %d, %a;", to.type, {source}}, {in});
        for (std::size_t i = 0; i < in.size(); ++i) {
          const std::uint64_t x = number(in[i]);
          const bool negative = IsSigned(from) && x >> 63 != 0;
          const auto exact = reference::Dyadic::FromParts(negative, negative ? ~x + 1 : x, 0);
          ASSERT_EQ(out[i],
                    reference::RoundToFormat(to.format, exact, mode.rounding, Overflow::kIeee))
              << text << std::hex << " " << in[i];
        }
      }
    }
    for (const auto& [to_name, to] : kIntegers) {
      const Type result = BitsOf(to) == 8 ? Type::kB16 : to;
      const std::uint64_t register_mask =
          BitsOf(result) == 64 ? ~0ULL : (1ULL << BitsOf(result)) - 1;
      const std::string text = "cvt." + std::string(to_name) + "." + std::string(from_name);
      const std::string saturating =
          "cvt.sat." + std::string(to_name) + "." + std::string(from_name);
      const Bits out = RunForm({text + " %d, %a;", result, {source}}, {in});
      const Bits saturated = RunForm({saturating + " %d, %a;", result, {source}}, {in});
      __extension__ typedef __int128 Int;
      for (std::size_t i = 0; i < in.size(); ++i) {
        const std::uint64_t x = number(in[i]);
        const int to_unused = 64 - BitsOf(to);
        const auto narrowed =
            IsSigned(to)
                ? static_cast<std::uint64_t>(static_cast<std::int64_t>(x << to_unused) >> to_unused)
                : x << to_unused >> to_unused;
        ASSERT_EQ(out[i], narrowed & register_mask) << text << std::hex << " " << in[i];
        const Int exact =
            IsSigned(from) ? static_cast<Int>(static_cast<std::int64_t>(x)) : static_cast<Int>(x);
        const Int most = (Int{1} << (IsSigned(to) ? BitsOf(to) - 1 : BitsOf(to))) - 1;
        const Int least = IsSigned(to) ? -most - 1 : 0;
        ASSERT_EQ(saturated[i], static_cast<std::uint64_t>(exact < least  ? least
                                                           : exact > most ? most
                                                                          : exact) &
                                    register_mask)
            << saturating << std::hex << " " << in[i];
      }
    }
  }
}

// Wider registers: the value is extended from the type.
TEST(Convert, WiderRegisters) {
  EXPECT_EQ(RunForm({"cvt.s8.s32 %d, %a;", Type::kB32, {Type::kB32}}, {{0x80, 0x17F}}),
            (Bits{0xFFFFFF80, 0x7F}));
  EXPECT_EQ(RunForm({"cvt.u8.u32 %d, %a;", Type::kB32, {Type::kB32}}, {{0x180, 0x17F}}),
            (Bits{0x80, 0x7F}));
  EXPECT_EQ(RunForm({"cvt.s64.s8 %d, %a;", Type::kB64, {Type::kB32}}, {{0x1280}}),
            Bits{0xFFFFFFFFFFFFFF80});
  EXPECT_EQ(RunForm({"cvt.u16.u64 %d, %a;", Type::kB32, {Type::kB64}}, {{0x123456789}}),
            Bits{0x6789});
  EXPECT_EQ(RunForm({"cvt.s16.s64 %d, %a;", Type::kB64, {Type::kB64}}, {{0x12345F789}}),
            Bits{0xFFFFFFFFFFFFF789});
}

}  // namespace
}  // namespace ulproof::gpu::ptx
