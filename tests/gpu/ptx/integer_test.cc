// SPDX-License-Identifier: Apache-2.0
// Integer arithmetic and bit operations against a second definition in 128-bit host arithmetic or
// bit by bit, over all pairs of edge values and random ones. Would catch: a wrong width, a missing
// wrap or clamp, signed taken for unsigned, masked lanes overwritten.
#include <gtest/gtest.h>

#include <bit>
#include <functional>

#include "tests/gpu/ptx/form_runner.h"

namespace ulproof::gpu::ptx {
namespace {

__extension__ typedef __int128 Int;
__extension__ typedef unsigned __int128 Uint;

struct IntType {
  Type type;
  std::string_view name;
  int bits() const { return BitsOf(type); }
  bool is_signed() const { return IsSigned(type); }
  // The code as a number.
  Int Value(std::uint64_t code) const {
    if (!is_signed()) return static_cast<Int>(code);
    const int unused = 64 - bits();
    return static_cast<std::int64_t>(code << unused) >> unused;
  }
  // A number as a code, wrapping.
  std::uint64_t Code(Int value) const {
    const auto code = static_cast<std::uint64_t>(value);
    return bits() == 64 ? code : code & ((1ULL << bits()) - 1);
  }
  Int Least() const { return is_signed() ? -(Int{1} << (bits() - 1)) : 0; }
  Int Most() const { return (Int{1} << (is_signed() ? bits() - 1 : bits())) - 1; }
};

constexpr IntType kSix[] = {{Type::kU16, "u16"}, {Type::kS16, "s16"}, {Type::kU32, "u32"},
                            {Type::kS32, "s32"}, {Type::kU64, "u64"}, {Type::kS64, "s64"}};

std::string Text(std::string_view opcode, std::string_view type, std::string_view rest) {
  return std::string(opcode) + "." + std::string(type) + " " + std::string(rest);
}

using Binary = std::function<Int(const IntType&, Int, Int)>;

void CheckBinary(std::string_view opcode, const IntType& t, const Binary& expected) {
  std::vector<Bits> in = Pairs(EdgesOf(t.type), EdgesOf(t.type));
  const std::string text = Text(opcode, t.name, "%d, %a, %b;");
  const Bits out = RunForm({text, t.type, {t.type, t.type}}, in);
  for (std::size_t i = 0; i < out.size(); ++i) {
    const std::uint64_t wanted = t.Code(expected(t, t.Value(in[0][i]), t.Value(in[1][i])));
    ASSERT_EQ(out[i], wanted) << text << std::hex << " a=" << in[0][i] << " b=" << in[1][i];
  }
}

TEST(Integer, BinaryForms) {
  const auto high = [](const IntType& t, Int a, Int b) {
    return t.is_signed()
               ? (a * b) >> t.bits()
               : static_cast<Int>((static_cast<Uint>(a) * static_cast<Uint>(b)) >> t.bits());
  };
  const std::pair<std::string_view, Binary> forms[] = {
      {"add", [](const IntType&, Int a, Int b) { return a + b; }},
      {"sub", [](const IntType&, Int a, Int b) { return a - b; }},
      {"mul.lo",
       [](const IntType&, Int a, Int b) {
         return static_cast<Int>(static_cast<Uint>(a) * static_cast<Uint>(b));
       }},
      {"mul.hi", high},
      {"min", [](const IntType&, Int a, Int b) { return a < b ? a : b; }},
      {"max", [](const IntType&, Int a, Int b) { return a > b ? a : b; }},
      {"div", [](const IntType&, Int a, Int b) { return b == 0 ? -1 : a / b; }},
      {"rem", [](const IntType&, Int a, Int b) { return b == 0 ? a : a % b; }},
  };
  for (const auto& [opcode, expected] : forms) {
    for (const IntType& t : kSix) CheckBinary(opcode, t, expected);
  }
}

TEST(Integer, TernaryAndWideForms) {
  for (const IntType& t : kSix) {
    std::vector<Bits> in = Pairs(EdgesOf(t.type), EdgesOf(t.type));
    in.push_back(RandomsOf(t.type, in[0].size(), 5));
    const auto check = [&](std::string_view opcode, Type result, const auto& expected) {
      const std::string text = Text(opcode, t.name, "%d, %a, %b, %c;");
      const bool is_wide = BitsOf(result) != t.bits();
      std::vector<Bits> sources = in;
      if (is_wide) sources[2] = RandomsOf(result, in[0].size(), 6);
      const IntType r{result, ""};
      const Bits out = RunForm({text, result, {t.type, t.type, result}}, sources);
      for (std::size_t i = 0; i < out.size(); ++i) {
        const Int wanted =
            expected(t.Value(sources[0][i]), t.Value(sources[1][i]), r.Value(sources[2][i]));
        ASSERT_EQ(out[i], r.Code(wanted)) << text << std::hex << " a=" << sources[0][i]
                                          << " b=" << sources[1][i] << " c=" << sources[2][i];
      }
    };
    const auto mad = [](Int a, Int b, Int c) {
      return static_cast<Int>(static_cast<Uint>(a) * static_cast<Uint>(b) + static_cast<Uint>(c));
    };
    check("mad.lo", t.type, mad);
    check("mad.hi", t.type, [&](Int a, Int b, Int c) {
      const Int product =
          t.is_signed()
              ? (a * b) >> t.bits()
              : static_cast<Int>((static_cast<Uint>(a) * static_cast<Uint>(b)) >> t.bits());
      return product + c;
    });
    check("sad", t.type, [](Int a, Int b, Int c) { return c + (a < b ? b - a : a - b); });
    if (t.bits() == 64) continue;
    const Type wide = t.bits() == 16 ? (t.is_signed() ? Type::kS32 : Type::kU32)
                                     : (t.is_signed() ? Type::kS64 : Type::kU64);
    check("mad.wide", wide, mad);
    const std::string text = Text("mul.wide", t.name, "%d, %a, %b;");
    const Bits out = RunForm({text, wide, {t.type, t.type}}, {in[0], in[1]});
    for (std::size_t i = 0; i < out.size(); ++i) {
      ASSERT_EQ(out[i], IntType({wide, ""}).Code(t.Value(in[0][i]) * t.Value(in[1][i]))) << text;
    }
  }
}

TEST(Integer, UnaryAndSaturatingForms) {
  for (const IntType& t : kSix) {
    if (!t.is_signed()) continue;
    const Bits in = EdgesOf(t.type);
    const Bits absolute = RunForm({Text("abs", t.name, "%d, %a;"), t.type, {t.type}}, {in});
    const Bits negated = RunForm({Text("neg", t.name, "%d, %a;"), t.type, {t.type}}, {in});
    for (std::size_t i = 0; i < in.size(); ++i) {
      const Int a = t.Value(in[i]);
      ASSERT_EQ(absolute[i], t.Code(a < 0 ? -a : a));
      ASSERT_EQ(negated[i], t.Code(-a));
    }
  }
  const IntType s32{Type::kS32, "s32"};
  const auto saturate = [](const IntType& t, Int x) {
    return x < t.Least() ? t.Least() : x > t.Most() ? t.Most() : x;
  };
  CheckBinary("add.sat", s32, [&](const IntType& t, Int a, Int b) { return saturate(t, a + b); });
  CheckBinary("sub.sat", s32, [&](const IntType& t, Int a, Int b) { return saturate(t, a - b); });
  CheckBinary("min.relu", s32,
              [](const IntType&, Int a, Int b) { return std::max<Int>(0, std::min(a, b)); });
  CheckBinary("max.relu", s32,
              [](const IntType&, Int a, Int b) { return std::max<Int>(0, std::max(a, b)); });
}

// A 128-bit sum, difference and product made of the carry forms equals the host's.
TEST(Integer, CarryChains) {
  const std::vector<Bits> in = Pairs(EdgesOf(Type::kU64), EdgesOf(Type::kU64));
  const auto run = [&](std::string_view text) {
    return RunForm({text, Type::kB64, {Type::kB64, Type::kB64}}, in);
  };
  // The high word of (a:b) + (b:a).
  const Bits sum = run("add.cc.u64 %z, %b, %a; addc.u64 %d, %a, %b;");
  const Bits difference = run("sub.cc.u64 %z, %b, %a; subc.u64 %d, %a, %b;");
  const Bits halves =
      run("{ .reg .b32 %l0,%h0,%l1,%h1,%r0,%r1; mov.b64 {%l0,%h0}, %a; mov.b64 {%l1,%h1}, %b;"
          "add.cc.u32 %r0, %l0, %l1; addc.cc.u32 %r1, %h0, %h1; mov.b64 %d, {%r0,%r1}; }");
  const Bits product = run(
      "{ .reg .b32 %l0,%h0,%l1,%h1,%r0,%r1,%r2; mov.b64 {%l0,%h0}, %a; mov.b64 {%l1,%h1}, %b;"
      "mul.lo.u32 %r0, %l0, %l1; mul.hi.u32 %r1, %l0, %l1;"
      "mad.lo.cc.u32 %r1, %l0, %h1, %r1; madc.hi.u32 %r2, %l0, %h1, 0;"
      "mad.lo.cc.u32 %r1, %h0, %l1, %r1; madc.hi.u32 %r2, %h0, %l1, %r2; mov.b64 %d, {%r1,%r2}; }");
  // What the middle link of a chain hands on: the carry and the borrow out of 64 bits.
  const std::string split =
      "{ .reg .b32 %l0,%h0,%l1,%h1,%r0,%r1,%r2; mov.b64 {%l0,%h0}, %a; mov.b64 {%l1,%h1}, %b;";
  const Bits carry = run(split +
                         "add.cc.u32 %r0, %l0, %l1; addc.cc.u32 %r1, %h0, %h1; addc.u32 %r2, 0, 0; "
                         "cvt.u64.u32 %d, %r2; }");
  const Bits borrow = run(split +
                          "sub.cc.u32 %r0, %l0, %l1; subc.cc.u32 %r1, %h0, %h1; subc.u32 %r2, 0, "
                          "0; cvt.u64.u32 %d, %r2; }");
  for (std::size_t i = 0; i < sum.size(); ++i) {
    const std::uint64_t a = in[0][i];
    const std::uint64_t b = in[1][i];
    const Uint x = static_cast<Uint>(a) << 64 | b;
    const Uint y = static_cast<Uint>(b) << 64 | a;
    ASSERT_EQ(sum[i], static_cast<std::uint64_t>((x + y) >> 64));
    ASSERT_EQ(difference[i], static_cast<std::uint64_t>((x - y) >> 64)) << a << " " << b;
    ASSERT_EQ(halves[i], a + b);
    ASSERT_EQ(carry[i], a + b < a ? 1U : 0U);
    ASSERT_EQ(borrow[i], a < b ? 0xFFFFFFFFU : 0U);
    // Words 1 and 2 of the product without its highest partial product.
    const Uint partial = static_cast<Uint>(a & 0xFFFFFFFF) * (b & 0xFFFFFFFF) +
                         ((static_cast<Uint>(a & 0xFFFFFFFF) * (b >> 32)) << 32) +
                         ((static_cast<Uint>(a >> 32) * (b & 0xFFFFFFFF)) << 32);
    ASSERT_EQ(product[i], static_cast<std::uint64_t>(partial >> 32)) << std::hex << a << " " << b;
  }
}

TEST(Integer, DotProductsAndPackedHalves) {
  const std::vector<Bits> pairs = Pairs(EdgesOf(Type::kU32), EdgesOf(Type::kU32));
  std::vector<Bits> in = pairs;
  in.push_back(RandomsOf(Type::kU32, pairs[0].size(), 9));
  const std::vector<Type> three(3, Type::kB32);
  for (const bool sa : {false, true}) {
    for (const bool sb : {false, true}) {
      const std::string types = std::string(sa ? ".s32" : ".u32") + (sb ? ".s32" : ".u32");
      const auto part = [](std::uint64_t word, int at, int bits, bool is_signed) -> std::int64_t {
        const std::uint64_t field = word >> at & ((1ULL << bits) - 1);
        return is_signed && field >> (bits - 1) != 0
                   ? static_cast<std::int64_t>(field) - (1LL << bits)
                   : static_cast<std::int64_t>(field);
      };
      const Bits four = RunForm({"dp4a" + types + " %d, %a, %b, %c;", Type::kB32, three}, in);
      const Bits low = RunForm({"dp2a.lo" + types + " %d, %a, %b, %c;", Type::kB32, three}, in);
      const Bits high = RunForm({"dp2a.hi" + types + " %d, %a, %b, %c;", Type::kB32, three}, in);
      for (std::size_t i = 0; i < four.size(); ++i) {
        std::int64_t sum4 = static_cast<std::int64_t>(in[2][i]);
        for (int k = 0; k < 32; k += 8) sum4 += part(in[0][i], k, 8, sa) * part(in[1][i], k, 8, sb);
        ASSERT_EQ(four[i], static_cast<std::uint32_t>(sum4)) << types;
        for (const int from : {0, 16}) {
          std::int64_t sum2 = static_cast<std::int64_t>(in[2][i]);
          for (int k = 0; k < 2; ++k)
            sum2 += part(in[0][i], 16 * k, 16, sa) * part(in[1][i], from + 8 * k, 8, sb);
          ASSERT_EQ(from == 0 ? low[i] : high[i], static_cast<std::uint32_t>(sum2)) << types;
        }
      }
    }
  }
  const std::vector<Type> two(2, Type::kB32);
  const Bits smax = RunForm({"max.s16x2 %d, %a, %b;", Type::kB32, two}, pairs);
  const Bits relu = RunForm({"min.relu.s16x2 %d, %a, %b;", Type::kB32, two}, pairs);
  const Bits umin = RunForm({"min.u16x2 %d, %a, %b;", Type::kB32, two}, pairs);
  const Bits added = RunForm({"add.s16x2 %d, %a, %b;", Type::kB32, two}, pairs);
  for (std::size_t i = 0; i < smax.size(); ++i) {
    std::uint32_t want[4] = {};
    for (int k = 0; k < 32; k += 16) {
      const auto a = static_cast<std::uint16_t>(pairs[0][i] >> k);
      const auto b = static_cast<std::uint16_t>(pairs[1][i] >> k);
      const auto sa = static_cast<std::int16_t>(a);
      const auto sb = static_cast<std::int16_t>(b);
      want[0] |= static_cast<std::uint32_t>(static_cast<std::uint16_t>(sa > sb ? sa : sb)) << k;
      const std::int16_t least = sa < sb ? sa : sb;
      want[1] |= static_cast<std::uint32_t>(static_cast<std::uint16_t>(least < 0 ? 0 : least)) << k;
      want[2] |= static_cast<std::uint32_t>(a < b ? a : b) << k;
      want[3] |= static_cast<std::uint32_t>(static_cast<std::uint16_t>(a + b)) << k;
    }
    ASSERT_EQ(smax[i], want[0]);
    ASSERT_EQ(relu[i], want[1]);
    ASSERT_EQ(umin[i], want[2]);
    ASSERT_EQ(added[i], want[3]);
  }
}

}  // namespace
}  // namespace ulproof::gpu::ptx
