// SPDX-License-Identifier: Apache-2.0
// setp, set, selp, slct and testp over all pairs of edge values. Would catch: ordered taken for
// unordered, a swapped destination of p|q, a negation that is lost, halves exchanged.
#include <gtest/gtest.h>

#include <bit>
#include <cmath>

#include "tests/gpu/ptx/form_runner.h"

namespace ulproof::gpu::ptx {
namespace {

// Comparisons of every kind and type, the boolean combinations, and both destinations.
TEST(Compare, SetpAndSet) {
  struct Row {
    std::string_view name;
    bool less, equal, greater, unordered;
    bool for_integers;
  };
  constexpr Row kRows[] = {
      {"eq", false, true, false, false, true},  {"ne", true, false, true, false, true},
      {"lt", true, false, false, false, true},  {"le", true, true, false, false, true},
      {"gt", false, false, true, false, true},  {"ge", false, true, true, false, true},
      {"equ", false, true, false, true, false}, {"neu", true, false, true, true, false},
      {"ltu", true, false, false, true, false}, {"leu", true, true, false, true, false},
      {"gtu", false, false, true, true, false}, {"geu", false, true, true, true, false},
      {"num", true, true, true, false, false},  {"nan", false, false, false, true, false}};
  struct Subject {
    std::string_view name;
    Type type;
  };
  constexpr Subject kSubjects[] = {{"u16", Type::kU16}, {"s16", Type::kS16},   {"u32", Type::kU32},
                                   {"s32", Type::kS32}, {"u64", Type::kU64},   {"s64", Type::kS64},
                                   {"f16", Type::kF16}, {"bf16", Type::kBf16}, {"f32", Type::kF32},
                                   {"f64", Type::kF64}};
  for (const Subject& subject : kSubjects) {
    const std::vector<Bits> in = Pairs(EdgesOf(subject.type), EdgesOf(subject.type));
    // As a double, exact for all but 64-bit integers, which are compared apart.
    const auto value = [&](std::uint64_t code) -> long double {
      const int bits = BitsOf(subject.type);
      switch (subject.type) {
        case Type::kF64:
          return std::bit_cast<double>(code);
        case Type::kF32:
          return std::bit_cast<float>(static_cast<std::uint32_t>(code));
        case Type::kBf16:
          return std::bit_cast<float>(static_cast<std::uint32_t>(code << 16));
        case Type::kF16: {
          const int exponent = static_cast<int>(code >> 10 & 31);
          const auto trailing = static_cast<double>(code & 1023);
          const double magnitude = exponent == 31  ? (trailing != 0 ? std::nan("") : INFINITY)
                                   : exponent == 0 ? std::ldexp(trailing, -24)
                                                   : std::ldexp(1024 + trailing, exponent - 25);
          return code >> 15 != 0 ? -magnitude : magnitude;
        }
        default:
          break;
      }
      if (!IsSigned(subject.type)) return static_cast<long double>(code);
      return static_cast<long double>(static_cast<std::int64_t>(code << (64 - bits)) >>
                                      (64 - bits));
    };
    for (const Row& row : kRows) {
      if (!IsFloat(subject.type) && !row.for_integers) continue;
      const std::string name = std::string(row.name) + "." + std::string(subject.name);
      const Bits p =
          RunForm({"setp." + name + " %d, %a, %b;", Type::kPred, {subject.type, subject.type}}, in);
      const Bits q = RunForm(
          {"setp." + name + " %x|%d, %a, %b;", Type::kPred, {subject.type, subject.type}}, in);
      const Bits s = RunForm(
          {"set." + std::string(row.name) + ".u32." + std::string(subject.name) + " %d, %a, %b;",
           Type::kU32,
           {subject.type, subject.type}},
          in);
      const Bits f = RunForm(
          {"set." + std::string(row.name) + ".f32." + std::string(subject.name) + " %d, %a, %b;",
           Type::kF32,
           {subject.type, subject.type}},
          in);
      for (std::size_t i = 0; i < p.size(); ++i) {
        const long double a = value(in[0][i]);
        const long double b = value(in[1][i]);
        const bool wanted = a < b    ? row.less
                            : a > b  ? row.greater
                            : a == b ? row.equal
                                     : row.unordered;
        ASSERT_EQ(p[i], wanted ? 1U : 0U) << name << std::hex << " " << in[0][i] << " " << in[1][i];
        ASSERT_EQ(q[i], wanted ? 0U : 1U) << name;
        ASSERT_EQ(s[i], wanted ? 0xFFFFFFFF : 0U) << name;
        ASSERT_EQ(f[i], wanted ? 0x3F800000U : 0U) << name;
      }
    }
  }
}

TEST(Compare, Combinations) {
  std::vector<Bits> in = Pairs({1, 2, 3}, {1, 2, 3});
  in.push_back({});
  for (std::size_t i = 0; i < in[0].size(); ++i) in[2].push_back(i & 1);
  const std::vector<Type> types = {Type::kU32, Type::kU32, Type::kPred};
  for (const std::string op : {"and", "or", "xor"}) {
    for (const bool negated : {false, true}) {
      const std::string c = negated ? "!%c" : "%c";
      const Bits p =
          RunForm({"setp.lt." + op + ".u32 %d, %a, %b, " + c + ";", Type::kPred, types}, in);
      const Bits q =
          RunForm({"setp.lt." + op + ".u32 %x|%d, %a, %b, " + c + ";", Type::kPred, types}, in);
      for (std::size_t i = 0; i < p.size(); ++i) {
        const bool test = in[0][i] < in[1][i];
        const bool third = (in[2][i] != 0) != negated;
        const auto combine = [&](bool t) {
          return op == "and" ? t && third : op == "or" ? t || third : t != third;
        };
        ASSERT_EQ(p[i], combine(test) ? 1U : 0U) << op << negated;
        ASSERT_EQ(q[i], combine(!test) ? 1U : 0U) << op << negated;
      }
    }
  }
}

TEST(Compare, SelectionAndClasses) {
  for (const auto& [name, type] : {std::pair("b16", Type::kB16), std::pair("u32", Type::kU32),
                                   std::pair("b64", Type::kB64), std::pair("f32", Type::kF32)}) {
    const Bits a = RandomsOf(type, 64, 1);
    const Bits b = RandomsOf(type, 64, 2);
    Bits c;
    for (std::size_t i = 0; i < 64; ++i) c.push_back(i % 3 == 0 ? 1 : 0);
    const Bits picked =
        RunForm({std::string("selp.") + name + " %d, %a, %b, %c;", type, {type, type, Type::kPred}},
                {a, b, c});
    const Bits flipped = RunForm(
        {std::string("selp.") + name + " %d, %a, %b, !%c;", type, {type, type, Type::kPred}},
        {a, b, c});
    const Bits sign = EdgesOf(Type::kF32);
    Bits first(sign.size(), 5);
    Bits second(sign.size(), 9);
    const Bits by_float = RunForm(
        {std::string("slct.") + name + ".f32 %d, %a, %b, %c;", type, {type, type, Type::kF32}},
        {first, second, sign});
    const Bits by_int = RunForm(
        {std::string("slct.") + name + ".s32 %d, %a, %b, %c;", type, {type, type, Type::kS32}},
        {first, second, sign});
    for (std::size_t i = 0; i < picked.size(); ++i) {
      ASSERT_EQ(picked[i], c[i] != 0 ? a[i] : b[i]);
      ASSERT_EQ(flipped[i], c[i] == 0 ? a[i] : b[i]);
    }
    for (std::size_t i = 0; i < sign.size(); ++i) {
      ASSERT_EQ(by_float[i],
                std::bit_cast<float>(static_cast<std::uint32_t>(sign[i])) >= 0.0F ? 5U : 9U);
      ASSERT_EQ(by_int[i], static_cast<std::int32_t>(sign[i]) >= 0 ? 5U : 9U);
    }
  }
  const Bits in = EdgesOf(Type::kF32);
  const auto test = [&](std::string_view kind) {
    return RunForm({"testp." + std::string(kind) + ".f32 %d, %a;", Type::kPred, {Type::kF32}},
                   {in});
  };
  const Bits finite = test("finite"), infinite = test("infinite"), number = test("number"),
             nan = test("notanumber"), normal = test("normal"), subnormal = test("subnormal");
  for (std::size_t i = 0; i < in.size(); ++i) {
    const int kind = std::fpclassify(std::bit_cast<float>(static_cast<std::uint32_t>(in[i])));
    ASSERT_EQ(finite[i] != 0, kind != FP_INFINITE && kind != FP_NAN);
    ASSERT_EQ(infinite[i] != 0, kind == FP_INFINITE);
    ASSERT_EQ(number[i] != 0, kind != FP_NAN);
    ASSERT_EQ(nan[i] != 0, kind == FP_NAN);
    ASSERT_EQ(normal[i] != 0, kind == FP_NORMAL);
    ASSERT_EQ(subnormal[i] != 0, kind == FP_SUBNORMAL);
  }
}

TEST(Compare, PackedHalves) {
  const Bits halves = EdgesOf(Type::kF16);
  std::vector<Bits> in(2);
  for (std::size_t i = 0; i < halves.size(); ++i) {
    for (std::size_t k = 0; k < halves.size(); ++k) {
      in[0].push_back(halves[i] << 16 | halves[k]);
      in[1].push_back(halves[k] << 16 | halves[(i + 3) % halves.size()]);
    }
  }
  for (const std::string cmp : {"lt", "geu", "eq", "ne", "neu", "num", "nan", "gtu"}) {
    for (const std::string type : {"f16", "bf16"}) {
      const Type single = type == "f16" ? Type::kF16 : Type::kBf16;
      const Bits pair = RunForm(
          {"set." + cmp + ".u32." + type + "x2 %d, %a, %b;", Type::kB32, {Type::kB32, Type::kB32}},
          in);
      const Bits ones = RunForm({"set." + cmp + "." + type + "x2." + type + "x2 %d, %a, %b;",
                                 Type::kB32,
                                 {Type::kB32, Type::kB32}},
                                in);
      const Bits p = RunForm(
          {"setp." + cmp + "." + type + "x2 %d|%x, %a, %b;", Type::kPred, {Type::kB32, Type::kB32}},
          in);
      const Bits q = RunForm(
          {"setp." + cmp + "." + type + "x2 %x|%d, %a, %b;", Type::kPred, {Type::kB32, Type::kB32}},
          in);
      const auto one = [&](int shift) {
        std::vector<Bits> part(2);
        for (std::size_t i = 0; i < in[0].size(); ++i) {
          part[0].push_back(in[0][i] >> shift & 0xFFFF);
          part[1].push_back(in[1][i] >> shift & 0xFFFF);
        }
        return RunForm({"setp." + cmp + "." + type + " %d, %a, %b;", Type::kPred, {single, single}},
                       part);
      };
      const Bits low = one(0);
      const Bits high = one(16);
      const std::uint64_t unit = type == "f16" ? 0x3C00 : 0x3F80;
      for (std::size_t i = 0; i < pair.size(); ++i) {
        ASSERT_EQ(pair[i], (high[i] != 0 ? 0xFFFF0000ULL : 0) | (low[i] != 0 ? 0xFFFF : 0));
        ASSERT_EQ(ones[i], high[i] * unit << 16 | low[i] * unit);
        ASSERT_EQ(p[i], low[i]);
        ASSERT_EQ(q[i], high[i]);
      }
    }
  }
}

}  // namespace
}  // namespace ulproof::gpu::ptx
