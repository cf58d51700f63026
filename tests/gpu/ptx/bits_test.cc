// SPDX-License-Identifier: Apache-2.0
// Logic, shifts, bit fields, and permutes against definitions written bit by bit, as
// the PTX ISA's own pseudocode is. Would catch: counts at or past the width, field ends past the
// register, sign fill, operand order of bfi and shf, a wrong row in the lop3 table.
#include <gtest/gtest.h>

#include <bit>

#include "tests/gpu/ptx/form_runner.h"

namespace ulproof::gpu::ptx {
namespace {

// Values, and counts around every boundary.
std::vector<Bits> WithCounts(Type type, std::size_t counts) {
  const Bits small = {0, 1, 2, 7, 15, 16, 17, 31, 32, 33, 63, 64, 65, 127, 255, 256, 0xFFFFFFFF};
  std::vector<Bits> in(1 + counts);
  for (const std::uint64_t value : EdgesOf(type)) {
    for (const std::uint64_t first : small) {
      for (const std::uint64_t second : counts == 2 ? small : Bits{0}) {
        in[0].push_back(value);
        in[1].push_back(first);
        if (counts == 2) in[2].push_back(second);
      }
    }
  }
  return in;
}

std::uint64_t Width(std::uint64_t code, int bits) {
  return bits == 64 ? code : code & ((1ULL << bits) - 1);
}
bool Bit(std::uint64_t code, std::uint64_t at) { return at < 64 && (code >> at & 1) != 0; }

TEST(Bits, LogicAndAllLop3Tables) {
  const std::vector<Bits> in = Pairs(EdgesOf(Type::kB64), EdgesOf(Type::kB64));
  for (const auto& [type, name] : {std::pair(Type::kB16, ".b16"), std::pair(Type::kB32, ".b32"),
                                   std::pair(Type::kB64, ".b64")}) {
    const int bits = BitsOf(type);
    const auto run = [&](std::string_view opcode, std::string_view rest) {
      return RunForm({std::string(opcode) + name + std::string(rest), type, {type, type}}, in);
    };
    const Bits band = run("and", " %d, %a, %b;");
    const Bits bor = run("or", " %d, %a, %b;");
    const Bits bxor = run("xor", " %d, %a, %b;");
    const Bits bnot = run("not", " %d, %a;");
    const Bits cnot = run("cnot", " %d, %a;");
    for (std::size_t i = 0; i < band.size(); ++i) {
      const std::uint64_t a = Width(in[0][i], bits);
      const std::uint64_t b = Width(in[1][i], bits);
      ASSERT_EQ(band[i], a & b);
      ASSERT_EQ(bor[i], a | b);
      ASSERT_EQ(bxor[i], a ^ b);
      ASSERT_EQ(bnot[i], Width(~a, bits));
      ASSERT_EQ(cnot[i], a == 0 ? 1U : 0U);
    }
  }
  const Bits a = RandomsOf(Type::kB32, 32, 2);
  const Bits b = RandomsOf(Type::kB32, 32, 3);
  const Bits c = RandomsOf(Type::kB32, 32, 4);
  for (int table = 0; table < 256; ++table) {
    const std::string text = "lop3.b32 %d, %a, %b, %c, " + std::to_string(table) + ";";
    const Bits out = RunForm({text, Type::kB32, {Type::kB32, Type::kB32, Type::kB32}}, {a, b, c});
    for (std::size_t i = 0; i < out.size(); ++i) {
      std::uint64_t wanted = 0;
      for (int k = 0; k < 32; ++k) {
        const int row = (Bit(a[i], k) ? 4 : 0) + (Bit(b[i], k) ? 2 : 0) + (Bit(c[i], k) ? 1 : 0);
        if ((table >> row & 1) != 0) wanted |= 1ULL << k;
      }
      ASSERT_EQ(out[i], wanted) << text;
    }
  }
  // lop3.or and lop3.and: p = (d != 0) BoolOp q; here d = a & b & c.
  for (const bool is_or : {false, true}) {
    std::vector<Bits> in4(4);
    for (std::size_t i = 0; i < 32; ++i) {
      in4[0].push_back(i % 4 < 2 ? 0 : a[i] | 1);
      in4[1].push_back(1);
      in4[2].push_back(3);
      in4[3].push_back(i % 2);
    }
    const std::string text =
        std::string("lop3.") + (is_or ? "or" : "and") + ".b32 %y|%d, %a, %b, %c, 0x80, %e;";
    const Bits p =
        RunForm({text, Type::kPred, {Type::kB32, Type::kB32, Type::kB32, Type::kPred}}, in4);
    for (std::size_t i = 0; i < 32; ++i) {
      const bool nonzero = i % 4 >= 2;
      const bool third = i % 2 != 0;
      ASSERT_EQ(p[i] != 0, is_or ? nonzero || third : nonzero && third) << text << i;
    }
  }
}

TEST(Bits, ShiftsByRegisterAndByConstant) {
  struct Shift {
    std::string_view text;
    Type type;
    bool left;
    bool is_signed;
  };
  for (const Shift& shift :
       {Shift{"shl.b16", Type::kB16, true, false}, Shift{"shl.b32", Type::kB32, true, false},
        Shift{"shl.b64", Type::kB64, true, false}, Shift{"shr.u16", Type::kU16, false, false},
        Shift{"shr.s16", Type::kS16, false, true}, Shift{"shr.u32", Type::kU32, false, false},
        Shift{"shr.s32", Type::kS32, false, true}, Shift{"shr.u64", Type::kU64, false, false},
        Shift{"shr.s64", Type::kS64, false, true}, Shift{"shr.b32", Type::kB32, false, false}}) {
    const int bits = BitsOf(shift.type);
    const auto expected = [&](std::uint64_t value, std::uint64_t count) {
      std::uint64_t wanted = 0;
      const bool fill = shift.is_signed && Bit(value, static_cast<std::uint64_t>(bits - 1));
      for (int k = 0; k < bits; ++k) {
        const std::int64_t from = shift.left ? k - static_cast<std::int64_t>(count)
                                             : k + static_cast<std::int64_t>(count);
        const bool bit = from < 0       ? false
                         : from >= bits ? fill
                                        : Bit(value, static_cast<std::uint64_t>(from));
        if (bit) wanted |= 1ULL << k;
      }
      return wanted;
    };
    const std::vector<Bits> in = WithCounts(shift.type, 1);
    const std::string text = std::string(shift.text) + " %d, %a, %b;";
    const Bits out = RunForm({text, shift.type, {shift.type, Type::kU32}}, in);
    for (std::size_t i = 0; i < out.size(); ++i) {
      ASSERT_EQ(out[i], expected(in[0][i], in[1][i]))
          << text << std::hex << in[0][i] << " by " << in[1][i];
    }
    const Bits values = EdgesOf(shift.type);
    for (const std::uint64_t count : {0, 1, 15, 16, 31, 32, 63, 64, 200}) {
      const std::string constant =
          std::string(shift.text) + " %d, %a, " + std::to_string(count) + ";";
      const Bits by_constant = RunForm({constant, shift.type, {shift.type}}, {values});
      for (std::size_t i = 0; i < values.size(); ++i) {
        ASSERT_EQ(by_constant[i], expected(values[i], count)) << constant;
      }
    }
  }
}

TEST(Bits, FunnelShifts) {
  for (const bool left : {true, false}) {
    for (const bool clamp : {true, false}) {
      std::vector<Bits> in = WithCounts(Type::kB32, 1);
      const Bits counts = in[1];
      in[1] = RandomsOf(Type::kB32, counts.size(), 7);
      in.push_back(counts);
      const std::string text = std::string("shf.") + (left ? "l" : "r") +
                               (clamp ? ".clamp" : ".wrap") + ".b32 %d, %a, %b, %c;";
      const Bits out = RunForm({text, Type::kB32, {Type::kB32, Type::kB32, Type::kB32}}, in);
      for (std::size_t i = 0; i < out.size(); ++i) {
        const std::uint64_t n = clamp ? std::min<std::uint64_t>(in[2][i], 32) : in[2][i] & 31;
        const std::uint64_t low = in[0][i];
        const std::uint64_t high = in[1][i];
        const std::uint64_t wanted = left ? (n == 0 ? high : (high << n) | (low >> (32 - n)))
                                          : (n == 0 ? low : (high << (32 - n)) | (low >> n));
        ASSERT_EQ(out[i], Width(wanted, 32)) << text << " " << n;
      }
    }
  }
}

TEST(Bits, Fields) {
  for (const auto& [name, type, is_signed] :
       {std::tuple("u32", Type::kU32, false), std::tuple("s32", Type::kS32, true),
        std::tuple("u64", Type::kU64, false), std::tuple("s64", Type::kS64, true)}) {
    const std::uint64_t msb = static_cast<std::uint64_t>(BitsOf(type)) - 1;
    const std::vector<Bits> in = WithCounts(type, 2);
    const std::string text = std::string("bfe.") + name + " %d, %a, %b, %c;";
    const Bits out = RunForm({text, type, {type, Type::kU32, Type::kU32}}, in);
    for (std::size_t i = 0; i < out.size(); ++i) {
      const std::uint64_t a = in[0][i];
      const std::uint64_t from = in[1][i] & 0xFF;
      const std::uint64_t length = in[2][i] & 0xFF;
      const bool fill = is_signed && length != 0 && Bit(a, std::min(from + length - 1, msb));
      std::uint64_t wanted = 0;
      for (std::uint64_t k = 0; k <= msb; ++k) {
        if (k < length && from + k <= msb ? Bit(a, from + k) : fill) wanted |= 1ULL << k;
      }
      ASSERT_EQ(out[i], wanted) << text << std::hex << " " << a << " " << from << " " << length;
    }
    if (is_signed) continue;
    const std::string insert =
        std::string("bfi.b") + std::to_string(msb + 1) + " %d, %a, %b, %c, %e;";
    std::vector<Bits> four = {in[0], RandomsOf(type, in[0].size(), 8), in[1], in[2]};
    const Bits into = RunForm({insert, type, {type, type, Type::kU32, Type::kU32}}, four);
    for (std::size_t i = 0; i < into.size(); ++i) {
      const std::uint64_t from = four[2][i] & 0xFF;
      const std::uint64_t length = four[3][i] & 0xFF;
      std::uint64_t wanted = four[1][i];
      for (std::uint64_t k = 0; k < length && from + k <= msb; ++k) {
        wanted &= ~(1ULL << (from + k));
        if (Bit(four[0][i], k)) wanted |= 1ULL << (from + k);
      }
      ASSERT_EQ(into[i], wanted) << insert;
    }
  }
}

TEST(Bits, CountsAndSearches) {
  for (const auto& [bits, type] : {std::pair(32, Type::kB32), std::pair(64, Type::kB64)}) {
    const Bits in = EdgesOf(type);
    const std::string width = ".b" + std::to_string(bits);
    const Bits reversed = RunForm({"brev" + width + " %d, %a;", type, {type}}, {in});
    const Bits leading = RunForm({"clz" + width + " %d, %a;", Type::kU32, {type}}, {in});
    const Bits population = RunForm({"popc" + width + " %d, %a;", Type::kU32, {type}}, {in});
    const Bits found =
        RunForm({"bfind.u" + std::to_string(bits) + " %d, %a;", Type::kU32, {type}}, {in});
    const Bits signed_found =
        RunForm({"bfind.s" + std::to_string(bits) + " %d, %a;", Type::kU32, {type}}, {in});
    const Bits amount =
        RunForm({"bfind.shiftamt.u" + std::to_string(bits) + " %d, %a;", Type::kU32, {type}}, {in});
    for (std::size_t i = 0; i < in.size(); ++i) {
      std::uint64_t wanted = 0;
      std::uint64_t ones = 0;
      std::int64_t top = -1;
      std::int64_t signed_top = -1;
      for (int k = 0; k < bits; ++k) {
        if (Bit(in[i], k)) wanted |= 1ULL << (bits - 1 - k);
        if (Bit(in[i], k)) ++ones;
        if (Bit(in[i], k)) top = k;
        if (Bit(in[i], k) != Bit(in[i], bits - 1)) signed_top = k;
      }
      ASSERT_EQ(reversed[i], wanted);
      ASSERT_EQ(population[i], ones);
      ASSERT_EQ(leading[i], static_cast<std::uint64_t>(bits - 1 - top));
      ASSERT_EQ(found[i], static_cast<std::uint32_t>(top));
      ASSERT_EQ(signed_found[i], static_cast<std::uint32_t>(signed_top));
      ASSERT_EQ(amount[i], top < 0 ? 0xFFFFFFFF : static_cast<std::uint32_t>(bits - 1 - top));
    }
  }
  const std::vector<Bits> in = WithCounts(Type::kB32, 2);
  const Bits nth =
      RunForm({"fns.b32 %d, %a, %b, %c;", Type::kB32, {Type::kB32, Type::kB32, Type::kS32}}, in);
  for (std::size_t i = 0; i < nth.size(); ++i) {
    const auto n = static_cast<std::int32_t>(in[2][i]);
    const std::uint64_t base = in[1][i];
    std::uint32_t wanted = 0xFFFFFFFF;
    if (n == 0) {
      if (base < 32 && Bit(in[0][i], base)) wanted = static_cast<std::uint32_t>(base);
    } else {
      const int inc = n > 0 ? 1 : -1;
      std::int64_t count = std::abs(static_cast<std::int64_t>(n)) - 1;
      for (auto pos = static_cast<std::int64_t>(base); pos >= 0 && pos < 32; pos += inc) {
        if (!Bit(in[0][i], static_cast<std::uint64_t>(pos))) continue;
        if (count == 0) {
          wanted = static_cast<std::uint32_t>(pos);
          break;
        }
        --count;
      }
    }
    ASSERT_EQ(nth[i], wanted) << std::hex << in[0][i] << " " << base << " " << n;
  }
}

TEST(Bits, PermutesMasksAndSigns) {
  std::vector<Bits> in = {RandomsOf(Type::kB32, 4096, 1), RandomsOf(Type::kB32, 4096, 2),
                          RandomsOf(Type::kB32, 4096, 3)};
  for (std::size_t i = 0; i < 4096; i += 2) in[2][i] &= 0xFFFF;
  const std::vector<Type> three(3, Type::kB32);
  const auto permuted = [](std::uint64_t a, std::uint64_t b, std::uint64_t selector) {
    const std::uint64_t bytes = b << 32 | a;
    std::uint64_t wanted = 0;
    for (int k = 0; k < 4; ++k) {
      const std::uint64_t nibble = selector >> (4 * k) & 15;
      const std::uint64_t byte = bytes >> (8 * (nibble & 7)) & 0xFF;
      wanted |= ((nibble & 8) == 0 ? byte : byte >= 0x80 ? 0xFF : 0) << (8 * k);
    }
    return wanted;
  };
  const Bits out = RunForm({"prmt.b32 %d, %a, %b, %c;", Type::kB32, three}, in);
  for (std::size_t i = 0; i < out.size(); ++i)
    ASSERT_EQ(out[i], permuted(in[0][i], in[1][i], in[2][i]));
  // Selectors of the modes, from the table in the PTX ISA.
  const std::pair<std::string_view, std::array<std::uint64_t, 4>> modes[] = {
      {"f4e", {0x3210, 0x4321, 0x5432, 0x6543}}, {"b4e", {0x5670, 0x6701, 0x7012, 0x0123}},
      {"rc8", {0x0000, 0x1111, 0x2222, 0x3333}}, {"ecl", {0x3210, 0x3211, 0x3222, 0x3333}},
      {"ecr", {0x0000, 0x1110, 0x2210, 0x3210}}, {"rc16", {0x1010, 0x3232, 0x1010, 0x3232}}};
  for (const auto& [mode, selectors] : modes) {
    const Bits by_mode =
        RunForm({"prmt.b32." + std::string(mode) + " %d, %a, %b, %c;", Type::kB32, three}, in);
    for (std::size_t i = 0; i < by_mode.size(); ++i) {
      ASSERT_EQ(by_mode[i], permuted(in[0][i], in[1][i], selectors[in[2][i] & 3])) << mode;
    }
  }
  const std::vector<Bits> counts = WithCounts(Type::kB32, 1);
  for (const bool clamp : {true, false}) {
    const std::string mode = clamp ? ".clamp" : ".wrap";
    const Bits mask =
        RunForm({"bmsk" + mode + ".b32 %d, %a, %b;", Type::kB32, {Type::kB32, Type::kB32}},
                {counts[1], counts[0]});
    const Bits extended = RunForm(
        {"szext" + mode + ".s32 %d, %a, %b;", Type::kS32, {Type::kS32, Type::kU32}}, counts);
    const Bits zero_extended = RunForm(
        {"szext" + mode + ".u32 %d, %a, %b;", Type::kU32, {Type::kU32, Type::kU32}}, counts);
    for (std::size_t i = 0; i < mask.size(); ++i) {
      const auto limit = [&](std::uint64_t n) {
        return clamp ? std::min<std::uint64_t>(n, 32) : n & 31;
      };
      std::uint64_t wanted = 0;
      for (std::uint64_t k = limit(counts[1][i]);
           k < limit(counts[1][i]) + limit(counts[0][i]) && k < 32; ++k)
        wanted |= 1ULL << k;
      ASSERT_EQ(mask[i], wanted);
      const std::uint64_t n = limit(counts[1][i]);
      std::uint64_t low = 0;
      for (std::uint64_t k = 0; k < 32; ++k) {
        if (Bit(counts[0][i], k < n ? k : 99)) low |= 1ULL << k;
      }
      ASSERT_EQ(zero_extended[i], low);
      if (n != 0 && Bit(counts[0][i], n - 1)) low |= Width(~0ULL << n, 32);
      ASSERT_EQ(extended[i], Width(low, 32));
    }
  }
  const std::vector<Bits> floats = Pairs(EdgesOf(Type::kF32), EdgesOf(Type::kF32));
  const Bits copied =
      RunForm({"copysign.f32 %d, %a, %b;", Type::kF32, {Type::kF32, Type::kF32}}, floats);
  for (std::size_t i = 0; i < copied.size(); ++i) {
    ASSERT_EQ(copied[i], (floats[0][i] & 0x80000000) | (floats[1][i] & 0x7FFFFFFF));
  }
}

TEST(Bits, PredicateLogicAndMoves) {
  const std::vector<Bits> in = {{0, 0, 1, 1}, {0, 1, 0, 1}};
  const std::vector<Type> two(2, Type::kPred);
  const auto run = [&](std::string_view text) { return RunForm({text, Type::kPred, two}, in); };
  EXPECT_EQ(run("and.pred %d, %a, %b;"), (Bits{0, 0, 0, 1}));
  EXPECT_EQ(run("or.pred %d, %a, %b;"), (Bits{0, 1, 1, 1}));
  EXPECT_EQ(run("or.pred %d, !%a, %b;"), (Bits{1, 1, 0, 1}));
  EXPECT_EQ(run("and.pred %d, %a, !%b;"), (Bits{0, 0, 1, 0}));
  EXPECT_EQ(run("xor.pred %d, %a, %b;"), (Bits{0, 1, 1, 0}));
  EXPECT_EQ(run("not.pred %d, %a;"), (Bits{1, 1, 0, 0}));
  EXPECT_EQ(run("mov.pred %d, %b;"), (Bits{0, 1, 0, 1}));
  EXPECT_EQ(run("mov.pred %d, -1;"), (Bits{1, 1, 1, 1}));
  EXPECT_EQ(run("mov.pred %d, 0;"), (Bits{0, 0, 0, 0}));
  const Bits wide = RandomsOf(Type::kB64, 64, 5);
  EXPECT_EQ(RunForm({"{ .reg .b32 %l, %h; mov.b64 {%l, %h}, %a; mov.b64 %d, {%h, %l}; }",
                     Type::kB64,
                     {Type::kB64}},
                    {wide}),
            [&] {
              Bits v;
              for (const auto x : wide) v.push_back(x << 32 | x >> 32);
              return v;
            }());
  EXPECT_EQ(RunForm({"{ .reg .b16 %q0, %q1, %q2, %q3; mov.b64 {%q0, %q1, %q2, %q3}, %a; mov.b64 "
                     "%d, {%q3, %q2, %q1, %q0}; }",
                     Type::kB64,
                     {Type::kB64}},
                    {wide}),
            [&] {
              Bits v;
              for (auto x : wide) {
                std::uint64_t r = 0;
                for (int k = 0; k < 4; ++k) {
                  r = r << 16 | (x & 0xFFFF);
                  x >>= 16;
                }
                v.push_back(r);
              }
              return v;
            }());
  EXPECT_EQ(RunForm({"{ .reg .b16 %h; mov.b32 {_, %h}, %a; mov.b32 %d, {%h, %h}; }",
                     Type::kB32,
                     {Type::kB32}},
                    {wide}),
            [&] {
              Bits v;
              for (const auto x : wide) {
                const std::uint64_t h = x >> 16 & 0xFFFF;
                v.push_back(h << 16 | h);
              }
              return v;
            }());
}

}  // namespace
}  // namespace ulproof::gpu::ptx
