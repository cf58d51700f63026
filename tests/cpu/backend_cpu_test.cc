// SPDX-License-Identifier: Apache-2.0
// Every instruction set against the exact reference, on every operation of the sampling side. Casts
// and block-scaled formats have tests of their own (cast_kernels_test, block_quantize_test).
#include "cpu/backend_cpu.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstdlib>
#include <map>

#include "reference/backend_reference.h"
#include "tests/cpu/cpu_cases.h"
#include "tests/support/kat.h"

namespace ulproof::tests {
namespace {

using formats::Case;
using formats::Operation;

class CpuBackendTest : public testing::Test {
 protected:
  // All targets give the reference's bits on one case.
  void ExpectSame(const Case& c) {
    const auto expected = formats::RunCase(*reference_, c);
    ASSERT_TRUE(expected.ok()) << expected.error().ToString();
    for (const auto& backend : backends_) {
      ASSERT_EQ(backend->why_unsupported(c.op), "") << formats::OperationName(c.op);
      ASSERT_EQ(Difference(*expected, *backend, c), "");
    }
  }
  void ExpectSameNoise(std::string_view op) { ExpectSame(formats::EmptyCase(Op(op))); }
  void ExpectSameForAllStyles(std::string_view op) {
    for (const InputStyle style : kInputStyles) {
      ASSERT_NO_FATAL_FAILURE(ExpectSame(MakeCase(Op(op), style, engine_)));
    }
  }

  std::unique_ptr<formats::Backend> reference_ = reference::MakeReferenceBackend();
  std::vector<std::unique_ptr<formats::Backend>> backends_ = cpu::MakeCpuBackends();
  std::mt19937_64 engine_{20250907};
};

// Laws that binary32 computes exactly; boxmuller and normal2 are the subject of box_muller_test.
constexpr std::string_view kExactLaws[] = {"rg16", "rg32", "rgbits", "uniform"};

// Would catch: a target missing from the list, or two backends under one name.
TEST_F(CpuBackendTest, HasOneBackendForEachTarget) {
  std::map<std::string, int> names;
  for (const auto& backend : backends_) ++names[std::string(backend->name())];
  EXPECT_EQ(names.size(), cpu::RunnableTargets().size());
  EXPECT_EQ(names.count("cpu-scalar"), 1u);
  EXPECT_EQ(cpu::MakeCpuBackend()->name(), "cpu");
}

// Would catch: any clause read otherwise than the worked examples of the contract mean it, even if
// the reference reads it in the same wrong way.
TEST_F(CpuBackendTest, KnownAnswers) {
  const KnownAnswerFile file = ReadKnownAnswers("contract_cases.kat");
  EXPECT_EQ(file.unreadable, std::vector<std::string>{});
  EXPECT_FALSE(file.answers.empty());
  for (const auto& backend : backends_) {
    int answered = 0;
    for (const KnownAnswer& answer : file.answers) {
      if (!backend->why_unsupported(answer.c.op).empty()) continue;
      EXPECT_EQ(Mismatches(*backend, answer), "");
      ++answered;
    }
    EXPECT_GT(answered, 0);
  }
}

// Would catch: a wrong Philox constant or lane order, a threshold off by one, a wrong group for a
// row that starts inside a group, a carry lost between the halves of a 64-bit group number (2^32
// groups: elements 2^35 of rg16, 2^34 of rg32, 2^37 / 3 of rgbits).
TEST_F(CpuBackendTest, NoiseAtEveryPhase) {
  for (const std::string_view law : kExactLaws) {
    for (const std::uint64_t offset :
         {0ull, 1ull, 2ull, 3ull, 5ull, 7ull, 8ull, 13ull, 31ull, 32ull, 33ull, (1ull << 34) - 9,
          (1ull << 35) - 40, (1ull << 37) / 3 - 100, ~0ull - 4096}) {
      for (const int cols : {1, 2, 7, 8, 31, 33, 64, 300, 511, 513, 1030}) {
        const std::string_view pack = law == "uniform" ? "" : "pack=int8";
        ASSERT_NO_FATAL_FAILURE(ExpectSameNoise(fmt::format(
            "noise law={} {} shape=1x{} seed=81985529216486895 stream=18364758544493064720 "
            "offset={}",
            law, pack, cols, offset)));
      }
    }
  }
}

// Would catch: nibbles in the wrong order, a negative zero, words that lose elements where rows do
// not fill them, a stride that is ignored.
TEST_F(CpuBackendTest, NoiseInRowsAndNibbles) {
  for (const std::string_view law : {"rg16", "rg32", "rgbits"}) {
    for (const std::string_view pack : {"int8", "nibbles"}) {
      for (const std::string_view shape :
           {"1x1", "3x5", "9x7 stride=11", "40x33 stride=1000", "5x512", "2x1025 stride=3000"}) {
        ASSERT_NO_FATAL_FAILURE(ExpectSameNoise(fmt::format(
            "noise law={} pack={} shape={} seed=7 stream=9 offset=3", law, pack, shape)));
      }
    }
  }
}

// Would catch: |R| = 3 lost by rg32. It comes once in 1.7 million elements, so it was searched for:
// these are -3, 3 and -3.
TEST_F(CpuBackendTest, NoiseOfTheLargestMagnitude) {
  for (const std::uint64_t element : {9327550u, 12177286u, 13199738u}) {
    const Operation op =
        Op(fmt::format("noise law=rg32 pack=int8 shape=1x1 seed=3 stream=4 offset={}", element));
    const auto noise = formats::RunCase(*reference_, formats::EmptyCase(op));
    EXPECT_EQ(noise->front().Get(0), element == 12177286u ? 0x03u : 0xFDu);
    ASSERT_NO_FATAL_FAILURE(ExpectSame(formats::EmptyCase(op)));
  }
}

// Would catch: a NaN or infinity that loses against a finite value, a sign that wins, a column
// missed at a ragged edge, blocks of a strip mixed up.
TEST_F(CpuBackendTest, BlockMax) {
  for (const std::string_view from : {"float32", "bfloat16", "float16"}) {
    for (const std::string_view shape :
         {"block=32x32 shape=40x70", "block=1x1 shape=3x4", "block=3x7 shape=10x50",
          "block=64x600 shape=70x1300", "block=1x16 shape=2x1100"}) {
      ASSERT_NO_FATAL_FAILURE(
          ExpectSameForAllStyles(fmt::format("block_max from={} {}", from, shape)));
    }
  }
}

// Would catch: a flushed subnormal, M = 0 with b = NaN, a power of two rounded up again.
TEST_F(CpuBackendTest, Scale) {
  for (const std::string_view bits : {"tensor", "block"}) {
    for (const int pow2 : {0, 1}) {
      ASSERT_NO_FATAL_FAILURE(
          ExpectSameForAllStyles(fmt::format("scale pow2={} bits={} shape=17x23", pow2, bits)));
    }
  }
}

// Would catch: an unfused product, a wrong block's scale, a wrong lane, saturation or NaN handled
// otherwise than the cast does it, random numbers of the wrong element.
TEST_F(CpuBackendTest, Sample) {
  for (const std::string_view from : {"float32", "bfloat16", "float16"}) {
    for (const std::string_view law : kExactLaws) {
      for (const std::string_view rest :
           {"to=bfloat16 block=32x32 pow2=0 bits=tensor shape=33x70 seed=1 stream=2",
            "to=bfloat16 block=32x32 pow2=1 bits=block shape=20x128 seed=1 stream=2",
            "to=float32 block=4x3 pow2=0 bits=block shape=9x40 stride=57 seed=5 offset=11",
            "to=float8_e4m3fn round=rtz overflow=sat block=1x16 pow2=0 bits=tensor shape=3x50",
            "to=bfloat16 round=sra8 block=32x32 pow2=0 bits=tensor shape=5x77 offset=3",
            "to=float6_e3m2fn round=src20 block=2x700 pow2=0 bits=block shape=3x1500"}) {
        ASSERT_NO_FATAL_FAILURE(
            ExpectSameForAllStyles(fmt::format("sample from={} law={} {}", from, law, rest)));
      }
    }
  }
}

// The path that is tuned the most: phases of its rows, widths around its vectors, policies.
// Would catch: a wrong tail, a group counted from the wrong row, an overflow that saturates, a
// scale taken from the neighbour.
TEST_F(CpuBackendTest, SampleBfloat16ToBfloat16) {
  for (const std::string_view overflow : {"ovf", "sat", "ovfinf"}) {
    for (const int offset : {0, 4, 13}) {
      for (const std::string_view shape :
           {"block=32x32 shape=17x64", "block=32x32 shape=31x95", "block=7x24 shape=9x1100",
            "block=32x33 shape=9x67 stride=1027", "block=2x2048 shape=3x1030", "shape=1x1",
            "block=16x16 shape=40x64 stride=128", "block=1x32 shape=1x517",
            "block=4x5 shape=5x37"}) {
        ASSERT_NO_FATAL_FAILURE(ExpectSameForAllStyles(
            fmt::format("sample from=bfloat16 to=bfloat16 overflow={} law=rg16 {} seed=11 "
                        "stream=12 offset={}",
                        overflow, shape, offset)));
      }
    }
  }
}

// Would catch: a product and a sum that are rounded each for itself, or an emulated FMA that rounds
// twice. Each weight is its own block; with b = 24 it becomes w + R w 2^-23, and w is chosen so
// that the second term is half an ulp of the first within 2^-27 of that: the sum is nearly a tie,
// and for many elements binary64 cannot tell it from one.
TEST_F(CpuBackendTest, SampleNearTies) {
  const std::string_view rest = "shape=1x8192 seed=1 stream=2";
  const auto noise = formats::RunCase(
      *reference_, formats::EmptyCase(Op(fmt::format("noise law=uniform {}", rest))));
  Case c = formats::EmptyCase(
      Op(fmt::format("sample from=float32 to=float32 law=uniform block=1x1 {}", rest)));
  c.inputs[1].Set(0, std::bit_cast<std::uint32_t>(24.0f));
  int hard = 0;
  for (std::uint64_t i = 0; i < c.op.shape.count(); ++i) {
    const formats::Code r = noise->front().Get(i);
    // R = +-n 2^-24 and w = +-m 2^-23: R w = +-n m 2^-47, to be near half of 2^0.
    const auto n = static_cast<std::uint64_t>(
        std::fabs(std::bit_cast<float>(static_cast<std::uint32_t>(r))) * 0x1p24f);
    if (n <= 1 << 22) continue;
    const std::uint64_t m = ((std::uint64_t{1} << 46) + n / 2) / n;
    const std::uint64_t sign = i % 2 << 31;
    c.inputs[0].Set(i, sign | (127u << 23 | (m & 0x7FFFFF)));
    hard += std::llabs(static_cast<std::int64_t>(n * m - (std::uint64_t{1} << 46))) < 1 << 17;
  }
  EXPECT_GT(hard, 50);
  ExpectSame(c);
}

// Would catch: 2 s overflowing before the weight brings the sum back, at the scales where the tuned
// path hands over to the general one.
TEST_F(CpuBackendTest, SampleAtTheLargestScales) {
  for (const float maximum : {0x1p125f, 0x1p126f, 0x1.02p126f, 0x1p127f, 0x1.FEp127f}) {
    for (const float bits : {1.0f, 0.75f, 0.0f}) {
      Case c = formats::EmptyCase(
          Op("sample from=bfloat16 to=bfloat16 law=rg16 shape=64x128 seed=1 stream=2"));
      c.inputs[1].Set(0, std::bit_cast<std::uint32_t>(bits));
      const std::uint32_t code = std::bit_cast<std::uint32_t>(maximum) >> 16;
      for (std::uint64_t i = 0; i < c.op.shape.count(); ++i) {
        c.inputs[0].Set(i, code | (engine_() & 0x8000));
      }
      ASSERT_NO_FATAL_FAILURE(ExpectSame(c));
    }
  }
}

// Would catch: lanes or folds that start from +0 instead of from their first term: where every
// product is -0 so is the sum, if no lane is padded.
TEST_F(CpuBackendTest, BackwardKeepsNegativeZero) {
  for (const std::string_view size : {"32x32", "64x96"}) {
    const std::string rest = fmt::format("law=rg16 shape={} seed=1 stream=2", size);
    const auto noise = formats::RunCase(*reference_, formats::EmptyCase(Op("noise " + rest)));
    Case c = formats::EmptyCase(Op(fmt::format("backward from=float32 block={} {}", size, rest)));
    for (std::uint64_t i = 0; i < c.op.shape.count(); ++i) {
      const bool is_negative = noise->front().Get(i) > 0x7F;
      c.inputs[0].Set(i, is_negative ? 0 : 0x80000000);
    }
    c.inputs[1].Set(0, 0x3F800000);
    const auto expected = formats::RunCase(*reference_, c);
    EXPECT_EQ(expected->front().Get(0), 0u);  // -ln2 times -0.
    ASSERT_NO_FATAL_FAILURE(ExpectSame(c));
  }
}

// Would catch: another order of additions, a padded lane that turns -0 into +0, noise that differs
// from the forward pass, a block's columns counted in another one's sum where several blocks are
// drawn together.
TEST_F(CpuBackendTest, Backward) {
  for (const std::string_view from : {"float32", "bfloat16", "float16"}) {
    for (const std::string_view law : kExactLaws) {
      for (const std::string_view rest :
           {"block=32x32 shape=33x70 seed=1 stream=2", "block=1x1 shape=3x3",
            "block=33x70 shape=35x150 stride=151 offset=5", "block=5x31 shape=11x64",
            "block=3x32 shape=7x1100 offset=9", "block=2x3 shape=3x450"}) {
        ASSERT_NO_FATAL_FAILURE(
            ExpectSameForAllStyles(fmt::format("backward from={} law={} {}", from, law, rest)));
      }
    }
  }
  // Folded columns and rows, more than one row of noise wide.
  ASSERT_NO_FATAL_FAILURE(
      ExpectSameForAllStyles("backward from=float32 law=rg16 block=100x1030 shape=67x1031"));
}

}  // namespace
}  // namespace ulproof::tests
