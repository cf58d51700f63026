// SPDX-License-Identifier: Apache-2.0
// Floating-point arithmetic of every width and rounding against the reference's exact values, over
// edge values, structured and random ones. Would catch: a double rounding (bfloat16 FMA through
// binary32), a wrong NaN, a lost sign of zero, .ftz that misses an operand, a directed mode that
// rounds the wrong way near the ends of the range.
#include <gtest/gtest.h>

#include <bit>
#include <cstring>

#include "gpu/ptx/form.h"
#include "gpu/ptx/lanes.h"
#include "gpu/ptx/ops/fma_host.h"
#include "gpu/ptx/soft_float.h"
#include "tests/gpu/ptx/form_runner.h"
#include "tests/gpu/ptx/oracle.h"

namespace ulproof::gpu::ptx {
namespace {

struct Subject {
  std::string_view name;
  Type type;
  formats::FormatSpec format;
  std::uint64_t nan;
};
constexpr Subject kSubjects[] = {
    {"f32", Type::kF32, formats::kFloat32, 0x7FFFFFFF},
    {"f64", Type::kF64, formats::kFloat64, 0xFFF8000000000000},
    {"f16", Type::kF16, formats::kFloat16, 0x7FFF},
    {"bf16", Type::kBf16, formats::kBfloat16, 0x7FFF},
};

std::vector<Bits> Triples(Type type) {
  std::vector<Bits> in = Pairs(EdgesOf(type), EdgesOf(type));
  const Bits edges = EdgesOf(type);
  in.emplace_back();
  for (std::size_t i = 0; i < in[0].size(); ++i)
    in[2].push_back(edges[(i * 7 + i / edges.size()) % edges.size()]);
  for (std::size_t k = 0; k < 3; ++k) {
    for (const std::uint64_t code : RandomsOf(type, 6000, 10 + k)) in[k].push_back(code);
  }
  return in;
}

std::uint64_t Flushed(const formats::FormatSpec& f, std::uint64_t code) {
  return f.IsSubnormal(code) ? code & f.sign_mask() : code;
}

// `expected` with its canonical NaN made the simulator's.
void ExpectCode(const Subject& s, std::uint64_t got, std::uint64_t expected,
                const std::string& where) {
  ASSERT_EQ(got, s.format.IsNan(expected) ? s.nan : expected) << where;
}
std::string At(std::string_view text, const std::vector<Bits>& in, std::size_t i) {
  std::string where(text);
  char buffer[64];
  for (const Bits& source : in) {
    std::snprintf(buffer, sizeof(buffer), " %llx", static_cast<unsigned long long>(source[i]));
    where += buffer;
  }
  return where;
}

TEST(Float, AddSubMulFmaInEveryMode) {
  for (const Subject& s : kSubjects) {
    const bool is_half = BitsOf(s.type) == 16;
    const std::vector<Bits> in = Triples(s.type);
    const std::uint64_t one = static_cast<std::uint64_t>(s.format.bias) << s.format.trailing_bits;
    const std::uint64_t sign = s.format.sign_mask();
    for (const Mode& mode : kModes) {
      if (is_half && mode.name != "rn") continue;
      const std::string suffix = "." + std::string(mode.name) + "." + std::string(s.name);
      const std::vector<Bits> two = {in[0], in[1]};
      const std::vector<Type> types2(2, s.type);
      const std::vector<Type> types3(3, s.type);
      const Bits add = RunForm({"add" + suffix + " %d, %a, %b;", s.type, types2}, two);
      const Bits sub = RunForm({"sub" + suffix + " %d, %a, %b;", s.type, types2}, two);
      const Bits mul = RunForm({"mul" + suffix + " %d, %a, %b;", s.type, types2}, two);
      const Bits fma = RunForm({"fma" + suffix + " %d, %a, %b, %c;", s.type, types3}, in);
      for (std::size_t i = 0; i < add.size(); ++i) {
        const std::uint64_t a = in[0][i];
        const std::uint64_t b = in[1][i];
        const std::string where = At(suffix, in, i);
        ASSERT_NO_FATAL_FAILURE(
            ExpectCode(s, add[i], OracleFma(s.format, a, one, b, mode), "add" + where));
        ASSERT_NO_FATAL_FAILURE(ExpectCode(
            s, sub[i], OracleFma(s.format, a, one, s.format.IsNan(b) ? b : b ^ sign, mode),
            "sub" + where));
        ASSERT_NO_FATAL_FAILURE(
            ExpectCode(s, mul[i], OracleFma(s.format, a, b, (a ^ b) & sign, mode), "mul" + where));
        ASSERT_NO_FATAL_FAILURE(
            ExpectCode(s, fma[i], OracleFma(s.format, a, b, in[2][i], mode), "fma" + where));
      }
    }
  }
}

TEST(Float, DivRcpSqrtInEveryMode) {
  for (const Subject& s : {kSubjects[0], kSubjects[1]}) {
    MpfrFormat oracle(s.format);
    const std::vector<Bits> triples = Triples(s.type);
    const std::vector<Bits> in = {triples[0], triples[1]};
    const std::uint64_t one = static_cast<std::uint64_t>(s.format.bias) << s.format.trailing_bits;
    for (const Mode& mode : kModes) {
      const std::string suffix = "." + std::string(mode.name) + "." + std::string(s.name);
      const Bits div = RunForm({"div" + suffix + " %d, %a, %b;", s.type, {s.type, s.type}}, in);
      const Bits rcp = RunForm({"rcp" + suffix + " %d, %a;", s.type, {s.type}}, {in[0]});
      const Bits sqrt = RunForm({"sqrt" + suffix + " %d, %a;", s.type, {s.type}}, {in[0]});
      for (std::size_t i = 0; i < div.size(); ++i) {
        const std::string where = At(suffix, in, i);
        ASSERT_NO_FATAL_FAILURE(
            ExpectCode(s, div[i], oracle.Div(in[0][i], in[1][i], mode), "div" + where));
        ASSERT_NO_FATAL_FAILURE(
            ExpectCode(s, rcp[i], oracle.Div(one, in[0][i], mode), "rcp" + where));
        ASSERT_NO_FATAL_FAILURE(
            ExpectCode(s, sqrt[i], oracle.Sqrt(in[0][i], mode), "sqrt" + where));
      }
    }
  }
}

// .ftz flushes sources and results; .sat clamps to [+0, 1] with NaN to +0; .relu clamps at +0.
TEST(Float, Modifiers) {
  const Subject& f32 = kSubjects[0];
  const Subject& f16 = kSubjects[2];
  const Mode& rn = kModes[0];
  for (const Subject& s : {f32, f16}) {
    const std::vector<Bits> in = Triples(s.type);
    const std::uint64_t one = static_cast<std::uint64_t>(s.format.bias) << s.format.trailing_bits;
    const std::vector<Type> types(3, s.type);
    for (const bool ftz : {false, true}) {
      for (const std::string clamp : {"", ".sat", ".relu"}) {
        if (clamp == ".relu" && s.type == Type::kF32) continue;
        const std::string text =
            std::string("fma.rn") + (ftz ? ".ftz" : "") + clamp + "." + std::string(s.name);
        const Bits out = RunForm({text + " %d, %a, %b, %c;", s.type, types}, in);
        for (std::size_t i = 0; i < out.size(); ++i) {
          const auto source = [&](std::size_t k) {
            return ftz ? Flushed(s.format, in[k][i]) : in[k][i];
          };
          std::uint64_t wanted = OracleFma(s.format, source(0), source(1), source(2), rn);
          if (ftz) wanted = Flushed(s.format, wanted);
          const bool negative = s.format.IsNegative(wanted);
          if (clamp == ".sat")
            wanted = s.format.IsNan(wanted) || negative ? 0 : std::min(wanted, one);
          if (clamp == ".relu" && negative) wanted = 0;
          ASSERT_NO_FATAL_FAILURE(ExpectCode(s, out[i], wanted, At(text, in, i)));
        }
      }
    }
  }
  // Directed with .ftz goes another way through the code.
  const std::vector<Bits> in = Triples(Type::kF32);
  const std::vector<Type> types(3, Type::kF32);
  const Bits out = RunForm({"fma.rp.ftz.f32 %d, %a, %b, %c;", Type::kF32, types}, in);
  const auto& f = formats::kFloat32;
  for (std::size_t i = 0; i < out.size(); ++i) {
    const std::uint64_t wanted = Flushed(f, OracleFma(f, Flushed(f, in[0][i]), Flushed(f, in[1][i]),
                                                      Flushed(f, in[2][i]), kModes[3]));
    ASSERT_NO_FATAL_FAILURE(ExpectCode(f32, out[i], wanted, At("fma.rp.ftz", in, i)));
  }
}

// The packed forms are the single ones on each half.
TEST(Float, PackedHalves) {
  for (const std::string name : {"f16", "bf16"}) {
    const Type type = name == "f16" ? Type::kF16 : Type::kBf16;
    const std::vector<Bits> in = Triples(type);
    std::vector<Bits> packed(3);
    const std::size_t n = in[0].size();
    for (std::size_t k = 0; k < 3; ++k) {
      for (std::size_t i = 0; i < n; ++i) packed[k].push_back(in[k][(i + 5) % n] << 16 | in[k][i]);
    }
    const std::vector<Type> one(3, type);
    const std::vector<Type> two(3, Type::kB32);
    for (const std::string form :
         {"add.rn.T %d, %a, %b;", "sub.T %d, %a, %b;", "mul.rn.T %d, %a, %b;",
          "fma.rn.T %d, %a, %b, %c;", "fma.rn.relu.T %d, %a, %b, %c;", "abs.T %d, %a;",
          "neg.T %d, %a;", "min.T %d, %a, %b;", "max.T %d, %a, %b;", "max.NaN.T %d, %a, %b;",
          "min.xorsign.abs.T %d, %a, %b;"}) {
      const auto with = [&](const std::string& t) {
        return std::string(form).replace(form.find('T'), 1, t);
      };
      const Bits single = RunForm({with(name), type, one}, in);
      const Bits pair = RunForm({with(name + "x2"), Type::kB32, two}, packed);
      for (std::size_t i = 0; i < n; ++i)
        ASSERT_EQ(pair[i], single[(i + 5) % n] << 16 | single[i]) << form << name;
    }
  }
}

// NaN loses, or wins with .NaN; -0 is less than +0; .xorsign.abs takes magnitudes.
TEST(Float, MinMaxAbsNeg) {
  for (const Subject& s : kSubjects) {
    const std::vector<Bits> in = Pairs(EdgesOf(s.type), EdgesOf(s.type));
    const std::vector<Type> types(2, s.type);
    const auto& f = s.format;
    const auto key = [&](std::uint64_t code) {
      const auto magnitude = static_cast<std::int64_t>(code & f.magnitude_mask());
      return f.IsNegative(code) ? -magnitude - 1 : magnitude;
    };
    for (const bool maximum : {false, true}) {
      for (const std::string modifier : {"", ".NaN", ".xorsign.abs", ".NaN.xorsign.abs"}) {
        if (!modifier.empty() && s.type == Type::kF64) continue;
        const std::string text =
            std::string(maximum ? "max" : "min") + modifier + "." + std::string(s.name);
        const Bits out = RunForm({text + " %d, %a, %b;", s.type, types}, in);
        for (std::size_t i = 0; i < out.size(); ++i) {
          std::uint64_t a = in[0][i];
          std::uint64_t b = in[1][i];
          const bool takes_magnitudes = modifier.find("abs") != std::string::npos;
          const std::uint64_t product_sign = (a ^ b) & f.sign_mask();
          if (takes_magnitudes) a &= f.magnitude_mask(), b &= f.magnitude_mask();
          std::uint64_t wanted = 0;
          const bool propagates =
              modifier.find("NaN") != std::string::npos && (f.IsNan(a) || f.IsNan(b));
          if (propagates || (f.IsNan(a) && f.IsNan(b))) {
            ASSERT_EQ(out[i], s.nan) << At(text, in, i);
            continue;
          }
          if (f.IsNan(a))
            wanted = b;
          else if (f.IsNan(b))
            wanted = a;
          else
            wanted = (key(a) > key(b)) == maximum ? a : b;
          if (takes_magnitudes) wanted |= product_sign;
          ASSERT_EQ(out[i], wanted) << At(text, in, i);
        }
      }
    }
    const Bits absolute =
        RunForm({"abs." + std::string(s.name) + " %d, %a;", s.type, {s.type}}, {in[0]});
    const Bits negated =
        RunForm({"neg." + std::string(s.name) + " %d, %a;", s.type, {s.type}}, {in[0]});
    for (std::size_t i = 0; i < absolute.size(); ++i) {
      ASSERT_EQ(absolute[i], in[0][i] & f.magnitude_mask());
      ASSERT_EQ(negated[i], in[0][i] ^ f.sign_mask());
    }
  }
  const Bits three =
      RunForm({"max.f32 %d, %a, %b, %c;", Type::kF32, {Type::kF32, Type::kF32, Type::kF32}},
              {{0x3F800000, 0x7FFFFFFF}, {0x40000000, 0xBF800000}, {0xC0000000, 0x80000000}});
  EXPECT_EQ(three, (Bits{0x40000000, 0x80000000}));
  const Bits magnitudes =
      RunForm({"max.abs.f32 %d, %a, %b, %c;", Type::kF32, {Type::kF32, Type::kF32, Type::kF32}},
              {{0x3F800000, 0x7FFFFFFF}, {0x40000000, 0xBF800000}, {0xC0400000, 0x80000000}});
  EXPECT_EQ(magnitudes, (Bits{0x40400000, 0x3F800000}));
}

// bfloat16: fma(9, 29, 2^-30) is 262, where a rounding to binary32 first gives 260.
TEST(Float, BfloatFmaRoundsOnce) {
  const Bits out =
      RunForm({"fma.rn.bf16 %d, %a, %b, %c;", Type::kBf16, {Type::kBf16, Type::kBf16, Type::kBf16}},
              {{0x4110}, {0x41E8}, {0x3080}});
  EXPECT_EQ(out, Bits{0x4383});
}

// Every pair of a set of 16-bit codes under add and mul; all codes against a few partners.
TEST(Float, HalvesAgainstAllCodes) {
  for (const Subject& s : {kSubjects[2], kSubjects[3]}) {
    std::vector<Bits> in(2);
    for (std::uint64_t a = 0; a < 65536; ++a) {
      for (const std::uint64_t b :
           {s.format.max_finite_code(), std::uint64_t{0x3C01}, std::uint64_t{0x8001}}) {
        in[0].push_back(a);
        in[1].push_back(b);
      }
    }
    const std::uint64_t one = static_cast<std::uint64_t>(s.format.bias) << s.format.trailing_bits;
    const std::string suffix = ".rn." + std::string(s.name) + " %d, %a, %b;";
    const Bits add = RunForm({"add" + suffix, s.type, {s.type, s.type}}, in);
    const Bits mul = RunForm({"mul" + suffix, s.type, {s.type, s.type}}, in);
    for (std::size_t i = 0; i < add.size(); ++i) {
      ASSERT_NO_FATAL_FAILURE(ExpectCode(
          s, add[i], OracleFma(s.format, in[0][i], one, in[1][i], kModes[0]), At("add", in, i)));
      ASSERT_NO_FATAL_FAILURE(ExpectCode(
          s, mul[i],
          OracleFma(s.format, in[0][i], in[1][i], (in[0][i] ^ in[1][i]) & 0x8000, kModes[0]),
          At("mul", in, i)));
    }
  }
}

// The portable FMA and the one by the host's instruction give the same bits, masked lanes included.
TEST(Float, PortableFmaEqualsHostFma) {
  const std::vector<Bits> in = Triples(Type::kF32);
  const std::string_view modifiers[] = {"rn", "f32"};
  std::string reason;
  const std::vector<Form> forms = MatchForms("fma", modifiers, &reason);
  ASSERT_EQ(forms.size(), 1U);
  const Execute portable = ops::PortableFmaFloat32(forms[0]).execute;
  const Execute host = ops::HostFma(false, false);
  if (host == nullptr) GTEST_SKIP() << "this processor has no FMA";
  alignas(64) std::byte file[6 * 128];
  Operation operation{};
  operation.operand = {0, 128, 256, 384};
  Warp warp{.registers = file, .block = nullptr, .exited = 0, .index = 0, .phase = 0};
  for (std::size_t i = 0; i + 32 <= in[0].size(); i += 32) {
    for (const LaneMask mask : {kAllLanes, LaneMask{0x5A5A1234}}) {
      std::uint32_t results[2][32];
      for (int which = 0; which < 2; ++which) {
        for (std::size_t lane = 0; lane < 32; ++lane) {
          for (std::size_t k = 0; k < 3; ++k)
            warp.At<std::uint32_t>(operation.operand[k + 1])[lane] =
                static_cast<std::uint32_t>(in[k][i + lane]);
          warp.At<std::uint32_t>(0)[lane] = 77;
        }
        (which == 0 ? portable : host)(operation, warp, mask);
        std::memcpy(results[which], file, sizeof(results[which]));
      }
      ASSERT_EQ(std::memcmp(results[0], results[1], sizeof(results[0])), 0) << i;
    }
  }
}

// Approximate forms keep the special values of the PTX ISA's tables, and are near the truth.
TEST(Float, ApproximateForms) {
  const auto bits = [](float x) { return std::uint64_t{std::bit_cast<std::uint32_t>(x)}; };
  const float inf = INFINITY;
  struct Row {
    std::string_view form;
    float in;
    float out;
  };
  for (const Row& row : {Row{"ex2.approx.f32", -inf, 0}, Row{"ex2.approx.f32", inf, inf},
                         Row{"ex2.approx.f32", 3, 8}, Row{"lg2.approx.f32", 0, -inf},
                         Row{"lg2.approx.f32", 8, 3}, Row{"rcp.approx.f32", -0.0F, -inf},
                         Row{"rcp.approx.ftz.f32", 4, 0.25F}, Row{"rsqrt.approx.f32", 0, inf},
                         Row{"rsqrt.approx.f32", 4, 0.5F}, Row{"sqrt.approx.f32", -0.0F, -0.0F},
                         Row{"sin.approx.f32", 0, 0}, Row{"cos.approx.f32", 0, 1},
                         Row{"tanh.approx.f32", -inf, -1}, Row{"ex2.approx.ftz.f32", -127, 0}}) {
    const Bits out =
        RunForm({std::string(row.form) + " %d, %a;", Type::kF32, {Type::kF32}}, {{bits(row.in)}});
    EXPECT_EQ(out[0], bits(row.out)) << row.form << " " << row.in;
  }
  EXPECT_EQ(RunForm({"lg2.approx.f32 %d, %a;", Type::kF32, {Type::kF32}}, {{bits(-1)}})[0],
            0x7FFFFFFFU);
  // div.approx multiplies by a reciprocal that underflows for |b| beyond 2^126; div.full scales.
  const std::vector<Bits> huge = {{bits(1)}, {bits(0x1.8p126F)}};
  EXPECT_EQ(RunForm({"div.approx.f32 %d, %a, %b;", Type::kF32, {Type::kF32, Type::kF32}}, huge)[0],
            0U);
  EXPECT_EQ(RunForm({"div.full.f32 %d, %a, %b;", Type::kF32, {Type::kF32, Type::kF32}}, huge)[0],
            bits(1 / 0x1.8p126F));
  EXPECT_EQ(RunForm({"ex2.approx.ftz.bf16x2 %d, %a;", Type::kB32, {Type::kB32}}, {{0x40404000}})[0],
            0x41004080U);
  EXPECT_EQ(RunForm({"tanh.approx.f16 %d, %a;", Type::kF16, {Type::kF16}}, {{0}})[0], 0U);
  EXPECT_EQ(
      RunForm({"rcp.approx.ftz.f64 %d, %a;", Type::kF64, {Type::kF64}}, {{0x4010000000000000}})[0],
      0x3FD0000000000000U);
}

}  // namespace
}  // namespace ulproof::gpu::ptx
