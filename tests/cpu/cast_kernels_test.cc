// SPDX-License-Identifier: Apache-2.0
// The SIMD cast against the exact reference, on every instruction set of this machine.
#include "cpu/cast_kernels.h"

#include <gtest/gtest.h>

#include <array>
#include <bit>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "base/parallel.h"
#include "formats/case.h"
#include "reference/ops/cast.h"
#include "reference/random/noise.h"

namespace ulproof::cpu {
namespace {

using formats::Buffer;
using formats::Code;
using formats::ConstBuffer;
using formats::ElementType;
using formats::FormatSpec;
using formats::kFloat32;
using formats::Operation;
using formats::Overflow;
using formats::Rounding;
using formats::RoundingMode;

// The catalogue but float64, and generic formats at the edges of what a plan can hold: ranges far
// above and below binary32's, one exponent bit, no trailing bits, every family of specials.
std::vector<FormatSpec> Targets() {
  std::vector<FormatSpec> targets;
  for (const formats::CatalogueEntry& entry : formats::kCatalogue) {
    if (entry.spec.storage_bits() <= 32) targets.push_back(entry.spec);
  }
  for (const char* name :
       {"e8m7b200", "e11m4",    "e11m4b2047", "e10m5b0", "e4m3b0finite", "e1m0",     "e1m3",
        "e1m14",    "e1m1fnuz", "e2m0",       "e8m0",    "e5m0fn",       "e3m0fnuz", "e2m5fnuz",
        "e8m7fn",   "e8m7fnuz", "e8m7finite", "e5m10fn", "e6m9",         "e8m22",    "e7m23"}) {
    targets.push_back(formats::ParseFormat(name).value());
  }
  return targets;
}

std::vector<Rounding> StochasticRoundings(std::initializer_list<int> random_bits) {
  std::vector<Rounding> roundings;
  for (const RoundingMode mode :
       {RoundingMode::kStochasticA, RoundingMode::kStochasticB, RoundingMode::kStochasticC}) {
    for (const int bits : random_bits) roundings.push_back({mode, bits});
  }
  return roundings;
}

std::vector<Rounding> AllRoundings(std::initializer_list<int> random_bits) {
  std::vector<Rounding> roundings = StochasticRoundings(random_bits);
  roundings.insert(roundings.end(), formats::kDeterministicRoundings.begin(),
                   formats::kDeterministicRoundings.end());
  return roundings;
}

std::string Describe(Target target, const FormatSpec& from, const FormatSpec& to,
                     const Rounding& rounding, Overflow overflow) {
  return TargetName(target) + ": " + FormatName(from) + " -> " + FormatName(to) + " " +
         RoundingName(rounding) + " " + std::string(OverflowName(overflow));
}

// Casts binary32 codes with every target's row kernel; each must give the reference's codes.
// Returns false at the first difference, which is reported.
bool RowsMatchReference(const std::vector<std::uint32_t>& codes,
                        const std::vector<std::uint32_t>& random, const FormatSpec& to,
                        const Rounding& rounding, Overflow overflow) {
  std::vector<std::uint32_t> expected(codes.size());
  for (std::size_t i = 0; i < codes.size(); ++i) {
    expected[i] = static_cast<std::uint32_t>(
        reference::Cast(kFloat32, codes[i], to, rounding, overflow, random[i]));
  }
  std::vector<float> in(codes.size());
  std::memcpy(in.data(), codes.data(), codes.size() * sizeof(float));
  const CastPlan plan = MakeCastPlan(to, rounding, overflow);
  for (const Target target : RunnableTargets()) {
    formats::Tensor out(ElementType::CodeOf(to), codes.size());
    CastRowKernel(target, plan)(plan, in.data(), out.view().data, codes.size(), random.data());
    for (std::size_t i = 0; i < codes.size(); ++i) {
      if (out.Get(i) == expected[i]) continue;
      ADD_FAILURE() << Describe(target, kFloat32, to, rounding, overflow) << std::hex << ": x=0x"
                    << codes[i] << " r=0x" << random[i] << " gives 0x" << out.Get(i) << ", not 0x"
                    << expected[i];
      return false;
    }
  }
  return true;
}

// r of every size that matters: any, none and all ones.
std::vector<std::uint32_t> RandomNumbers(const Rounding& rounding, std::size_t count,
                                         std::mt19937_64& engine) {
  std::vector<std::uint32_t> random(count);
  if (!rounding.is_stochastic()) return random;
  const std::uint32_t mask = ~std::uint32_t{0} >> (32 - rounding.random_bits);
  for (std::uint32_t& r : random) {
    const std::uint64_t draw = engine();
    r = draw % 4 == 0 ? (draw & 4 ? 0 : mask) : static_cast<std::uint32_t>(draw >> 8) & mask;
  }
  return random;
}

// Values of `to` and the midpoints between them, each with its binary32 neighbours; binade ends of
// binary32, its subnormals and specials; and random codes with few and many trailing bits.
std::vector<std::uint32_t> StructuredFloat32(const FormatSpec& to, std::size_t count,
                                             std::mt19937_64& engine) {
  constexpr std::uint32_t kSign = 0x80000000;
  std::vector<std::uint32_t> codes;
  const auto add = [&](std::uint32_t code) {
    for (const std::uint32_t c : {code, code + 1, code - 1}) codes.push_back(c);
  };
  for (const std::uint32_t code :
       {0u, 2u, 0x400000u, 0x800000u, 0x7F7FFFFEu, 0x7F800000u, 0x7FC00000u, 0x7FFFFFFEu}) {
    add(code);
    add(kSign | code);
  }
  for (int exponent = 0; exponent < 255; ++exponent)
    add(static_cast<std::uint32_t>(exponent) << 23);
  const auto add_value = [&](Code code, bool midpoint) {
    if (!to.IsFinite(code)) return;
    const formats::Decoded x = Decode(to, code);
    const auto float32 = formats::EncodeExact(
        kFloat32, x.negative, 2 * x.significand + (midpoint ? 1 : 0), x.exponent - 1);
    if (float32) add(static_cast<std::uint32_t>(*float32));
  };
  // The overflow edge (the midpoint above the largest value) and the smallest values, of both
  // signs.
  for (const Code sign : {Code{0}, to.sign_mask()}) {
    for (Code near = 0; near < 4; ++near) {
      for (const bool midpoint : {false, true}) {
        add_value(sign | (near & to.magnitude_mask()), midpoint);
        if (near <= to.max_finite_code()) add_value(sign | (to.max_finite_code() - near), midpoint);
      }
    }
  }
  while (codes.size() < count) {
    const std::uint64_t draw = engine();
    add_value(draw >> 16 & to.code_mask(), draw & 1);
    const auto any = static_cast<std::uint32_t>(engine());
    add(any & ~std::uint32_t{0} << draw % 24);
  }
  return codes;
}

// Would catch a wrong constant of a plan, a wrong tie, carry or overflow rule of any mode, a shift
// by 32, a lost sign: every structured place of every format under every mode and policy.
TEST(CastKernelsTest, StructuredFloat32MatchesReference) {
  std::mt19937_64 engine(1);
  for (const FormatSpec& to : Targets()) {
    const std::vector<std::uint32_t> codes = StructuredFloat32(to, 4000, engine);
    for (const Rounding& rounding : AllRoundings({1, 2, 7, 16, 23, 24, 25, 30, 31, 32})) {
      const std::vector<std::uint32_t> random = RandomNumbers(rounding, codes.size(), engine);
      for (const Overflow overflow : formats::kOverflows) {
        if (!RowsMatchReference(codes, random, to, rounding, overflow)) break;
      }
    }
  }
}

// Runs a cast of all codes of a 16-bit format on every target against the reference.
void ExpectAllCodesMatch(const FormatSpec& from, const FormatSpec& to, const Rounding& rounding,
                         Overflow overflow, std::uint32_t r) {
  constexpr std::uint64_t kCount = 65536;
  static const auto all_codes = [] {
    std::array<std::uint16_t, kCount> codes;
    for (std::uint64_t i = 0; i < kCount; ++i) codes[i] = static_cast<std::uint16_t>(i);
    return codes;
  }();
  Operation op = {.from = from, .to = to, .rounding = rounding, .overflow = overflow};
  op.shape = {.rows = 1, .cols = kCount};
  if (rounding.is_stochastic()) op.random = r;
  std::vector<Code> expected(kCount);
  for (Code x = 0; x < kCount; ++x) {
    expected[x] = reference::Cast(from, x, to, rounding, overflow, r);
  }
  const ConstBuffer x = {ElementType::CodeOf(from), all_codes.data(), kCount};
  for (const Target target : RunnableTargets()) {
    formats::Tensor y(ElementType::CodeOf(to), kCount);
    RunCast(target, op, x, y.view());
    for (Code i = 0; i < kCount; ++i) {
      if (y.Get(i) == expected[i]) continue;
      FAIL() << Describe(target, from, to, rounding, overflow) << " r=" << r << std::hex << ": x=0x"
             << i << " gives 0x" << y.Get(i) << ", not 0x" << expected[i];
    }
  }
}

class AllCodesTest : public testing::TestWithParam<std::string> {};

// Would catch a wrong widening of any bfloat16 or float16 code (subnormals, infinities, NaN), and
// anything the structured inputs miss: there are no other inputs.
TEST_P(AllCodesTest, DeterministicModesMatchReference) {
  const FormatSpec to = formats::ParseFormat(GetParam()).value();
  for (const FormatSpec& from : {formats::kBfloat16, formats::kFloat16}) {
    for (const Rounding& rounding : formats::kDeterministicRoundings) {
      for (const Overflow overflow : formats::kOverflows) {
        ExpectAllCodesMatch(from, to, rounding, overflow, 0);
        if (HasFailure()) return;
      }
    }
  }
}

// Would catch a random number that is off by one at some fraction: every r of 3 bits, and the ends
// and a middle of 16 and 32.
TEST_P(AllCodesTest, StochasticModesMatchReference) {
  const FormatSpec to = formats::ParseFormat(GetParam()).value();
  for (const Rounding& rounding : StochasticRoundings({3, 16, 32})) {
    std::vector<std::uint32_t> numbers = {0, 1, 2, 3, 4, 5, 6, 7};
    if (rounding.random_bits == 16) numbers = {0, 0x5A5A, 0xFFFF};
    if (rounding.random_bits == 32) numbers = {0, 0x80000001, 0xFFFFFFFF};
    for (const std::uint32_t r : numbers) {
      ExpectAllCodesMatch(formats::kBfloat16, to, rounding, Overflow::kIeee, r);
      if (HasFailure()) return;
    }
  }
}

std::vector<std::string> CatalogueUpTo16Bits() {
  std::vector<std::string> names;
  for (const formats::CatalogueEntry& entry : formats::kCatalogue) {
    if (entry.spec.storage_bits() <= 16) names.emplace_back(entry.name);
  }
  return names;
}
INSTANTIATE_TEST_SUITE_P(Catalogue, AllCodesTest, testing::ValuesIn(CatalogueUpTo16Bits()),
                         [](const auto& format) { return format.param; });

// Would catch random bits drawn for the wrong logical element (offset, stride, row, tile or thread
// boundary), from the wrong stream, or the wrong half of a word.
TEST(CastKernelsTest, RandomBitsFollowTheLogicalElement) {
  std::mt19937_64 engine(2);
  for (const int random_bits : {1, 8, 16, 17, 32}) {
    Operation op = {.from = kFloat32, .to = formats::kFloat8E4m3fn};
    op.rounding = {RoundingMode::kStochasticA, random_bits};
    op.shape = {.rows = 3, .cols = 1541, .index_stride = 2003};
    op.key = {.seed = 0x0123456789ABCDEF, .stream = 42, .offset = (std::uint64_t{1} << 35) + 5};
    const std::uint64_t count = op.shape.count();
    formats::Tensor x(ElementType::CodeOf(op.from), count);
    formats::Tensor expected(ElementType::CodeOf(op.to), count);
    for (std::uint64_t i = 0; i < count; ++i) {
      const float value = std::normal_distribution<float>()(engine);
      x.Set(i, std::bit_cast<std::uint32_t>(value));
      const std::uint64_t element =
          op.key.offset + i / op.shape.cols * op.shape.stride() + i % op.shape.cols;
      expected.Set(i, reference::Cast(op.from, x.Get(i), op.to, op.rounding, op.overflow,
                                      reference::RoundingRandom(random_bits, op.key, element)));
    }
    for (const Target target : RunnableTargets()) {
      formats::Tensor whole(ElementType::CodeOf(op.to), count);
      RunCast(target, op, x.view(), whole.view());
      EXPECT_EQ(whole, expected) << TargetName(target) << " sra" << random_bits;
      formats::Tensor pieces(ElementType::CodeOf(op.to), count);
      for (std::uint64_t begin = 0; begin < count; begin += 613) {
        CastRange(target, op, x.view(), pieces.view(), begin, std::min(begin + 613, count));
      }
      EXPECT_EQ(pieces, expected) << TargetName(target) << " sra" << random_bits << " in pieces";
    }
  }
}

// Would catch a last vector that is not full: read or written beyond the end, or not written.
TEST(CastKernelsTest, AnyLengthWritesItsElementsAndNoOthers) {
  constexpr std::size_t kMost = 70;
  std::vector<float> in(kMost, 1.0f);
  for (const char* name : {"float8_e4m3fn", "bfloat16", "tfloat32"}) {
    const FormatSpec to = formats::ParseFormat(name).value();
    const CastPlan plan = MakeCastPlan(to, {RoundingMode::kNearestEven}, Overflow::kIeee);
    const Code one = reference::Cast(kFloat32, 0x3F800000, to, plan.rounding, Overflow::kIeee);
    for (const Target target : RunnableTargets()) {
      for (std::size_t count = 0; count <= kMost; ++count) {
        formats::Tensor out(ElementType::CodeOf(to), kMost + 1);
        CastRowKernel(target, plan)(plan, in.data(), out.view().data, count, nullptr);
        for (std::size_t i = 0; i <= kMost; ++i) {
          ASSERT_EQ(out.Get(i), i < count ? one : 0)
              << TargetName(target) << " " << name << " count " << count << " element " << i;
        }
      }
    }
  }
}

// Would catch a result that depends on how the work is split.
TEST(CastKernelsTest, ThreadCountDoesNotMatter) {
  constexpr std::uint64_t kCount = 300'001;
  std::mt19937_64 engine(3);
  Operation op = {.from = formats::kBfloat16, .to = formats::kFloat8E5m2};
  op.rounding = {RoundingMode::kStochasticC, 12};
  op.shape = {.rows = 1, .cols = kCount};
  op.key = {.seed = 7, .stream = 8, .offset = 3};
  formats::Tensor x(ElementType::CodeOf(op.from), kCount);
  for (std::uint64_t i = 0; i < kCount; ++i) x.Set(i, engine() & 0xFFFF);
  formats::Tensor expected(ElementType::CodeOf(op.to), kCount);
  CastRange(RunnableTargets().front(), op, x.view(), expected.view(), 0, kCount);
  for (const int threads : {1, 2, 5}) {
    base::SetThreadCount(threads);
    formats::Tensor y(ElementType::CodeOf(op.to), kCount);
    RunCast(RunnableTargets().front(), op, x.view(), y.view());
    EXPECT_EQ(y, expected) << threads << " threads";
  }
  base::SetThreadCount(0);
}

// Would catch a cast that is claimed but not computed, or declined in silence.
TEST(CastKernelsTest, SaysWhatItDoesNotCompute) {
  const auto why = [](const char* text) {
    return WhyCastUnsupported(formats::ParseOperation(text).value());
  };
  EXPECT_EQ(why("cast from=float32 to=float32 round=rne overflow=ovf shape=1x1"), "");
  EXPECT_EQ(why("cast from=float16 to=float8_e8m0fnu round=sra32 overflow=sat shape=1x1"), "");
  EXPECT_NE(why("cast from=float32 to=float64 round=rne overflow=ovf shape=1x1"), "");
  EXPECT_NE(why("cast from=float64 to=float32 round=rne overflow=ovf shape=1x1"), "");
}

}  // namespace
}  // namespace ulproof::cpu
