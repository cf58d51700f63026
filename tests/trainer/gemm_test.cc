// SPDX-License-Identifier: Apache-2.0
// Catches: a product that is wrong at ragged edges or across blocks of depth and columns, an order
// of summing that depends on kernel, tile or threads, and operands that are not rounded to bfloat16
// as the contract's cast rounds.
#include "trainer/gemm.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <vector>

#include "base/parallel.h"
#include "cpu/backend_cpu.h"
#include "trainer/random.h"

namespace ulproof::trainer {
namespace {

std::vector<float> RandomValues(std::size_t count, std::uint64_t what) {
  std::vector<float> values(count);
  for (std::size_t i = 0; i < count; ++i) values[i] = static_cast<float>(RandomNormal(7, what, i));
  return values;
}

// One chain of fused multiply-adds an element: the promise of gemm.h, word for word.
std::vector<float> Chains(std::size_t rows, std::size_t cols, std::size_t depth,
                          const std::vector<float>& a, const std::vector<float>& b,
                          std::vector<float> c, bool accumulate) {
  for (std::size_t i = 0; i < rows; ++i) {
    for (std::size_t j = 0; j < cols; ++j) {
      float sum = accumulate ? c[i * cols + j] : 0.0f;
      for (std::size_t k = 0; k < depth; ++k)
        sum = std::fma(a[i * depth + k], b[k * cols + j], sum);
      c[i * cols + j] = sum;
    }
  }
  return c;
}

TEST(GemmTest, EachElementIsOneChain) {
  const struct {
    std::size_t rows, cols, depth;
  } shapes[] = {{1, 1, 1},     {12, 32, 4},    {13, 33, 5},   {48, 64, 256},
                {49, 31, 257}, {100, 70, 600}, {5, 1100, 20}, {1, 2049, 300}};
  for (const auto& [rows, cols, depth] : shapes) {
    const auto a = RandomValues(rows * depth, 1), b = RandomValues(depth * cols, 2);
    for (const bool accumulate : {false, true}) {
      std::vector<float> c = RandomValues(rows * cols, 3);
      const auto expected = Chains(rows, cols, depth, a, b, c, accumulate);
      Gemm(rows, cols, depth, RowMajor(a.data(), depth), RowMajor(b.data(), cols), c.data(), cols,
           accumulate, OperandRounding::kNone);
      EXPECT_EQ(c, expected) << rows << "x" << cols << "x" << depth;
    }
  }
}

TEST(GemmTest, ViewsAreTransposedAndStridesKept) {
  constexpr std::size_t kRows = 14, kCols = 35, kDepth = 9, kStride = 50;
  const auto a = RandomValues(kRows * kDepth, 1), b = RandomValues(kDepth * kCols, 2);
  std::vector<float> at(kDepth * kRows), bt(kCols * kDepth);
  for (std::size_t i = 0; i < a.size(); ++i) at[i % kDepth * kRows + i / kDepth] = a[i];
  for (std::size_t i = 0; i < b.size(); ++i) bt[i % kCols * kDepth + i / kCols] = b[i];
  const auto expected =
      Chains(kRows, kCols, kDepth, a, b, std::vector<float>(kRows * kCols), false);
  std::vector<float> c(kRows * kStride, 42.0f);
  Gemm(kRows, kCols, kDepth, RowMajor(at.data(), kRows).Transposed(),
       RowMajor(bt.data(), kDepth).Transposed(), c.data(), kStride, false, OperandRounding::kNone);
  for (std::size_t i = 0; i < c.size(); ++i) {
    const float wanted = i % kStride < kCols ? expected[i / kStride * kCols + i % kStride] : 42.0f;
    ASSERT_EQ(c[i], wanted) << i;
  }
}

TEST(GemmTest, KernelsAgree) {
  constexpr std::size_t kDepth = 37;
  const auto a = RandomValues(kDepth * kTileRows, 1), b = RandomValues(kDepth * kTileCols, 2);
  const auto start = RandomValues(kTileRows * kTileCols, 3);
  for (const bool load : {false, true}) {
    auto expected = start;
    GemmKernels()[0].run(a.data(), b.data(), kDepth, expected.data(), kTileCols, load);
    for (const GemmKernel& kernel : GemmKernels()) {
      auto c = start;
      kernel.run(a.data(), b.data(), kDepth, c.data(), kTileCols, load);
      EXPECT_EQ(c, expected) << kernel.name;
    }
  }
}

TEST(GemmTest, ThreadsDoNotChangeBits) {
  constexpr std::size_t kRows = 333, kCols = 200, kDepth = 300;
  const auto a = RandomValues(kRows * kDepth, 1), b = RandomValues(kDepth * kCols, 2);
  std::vector<std::vector<float>> results;
  for (const int threads : {1, 2, 5}) {
    base::SetThreadCount(threads);
    auto& c = results.emplace_back(kRows * kCols);
    Gemm(kRows, kCols, kDepth, RowMajor(a.data(), kDepth), RowMajor(b.data(), kCols), c.data(),
         kCols, false, OperandRounding::kBfloat16);
  }
  base::SetThreadCount(0);
  EXPECT_EQ(results[0], results[1]);
  EXPECT_EQ(results[0], results[2]);
}

// Every upper half, with lower halves around the tie, against the SIMD implementation's cast.
TEST(GemmTest, Bfloat16IsTheContractsCast) {
  std::vector<std::uint32_t> codes;
  for (std::uint32_t upper = 0; upper < 0x10000; ++upper) {
    for (const std::uint32_t lower : {0u, 1u, 0x7FFFu, 0x8000u, 0x8001u, 0xFFFFu})
      codes.push_back(upper << 16 | lower);
  }
  std::vector<std::uint16_t> cast(codes.size());
  formats::Operation op = {.kind = formats::OpKind::kCast, .shape = {1, codes.size()}};
  const formats::ConstBuffer in[] = {
      {formats::ElementType::CodeOf(formats::kFloat32), codes.data(), codes.size()}};
  const formats::Buffer out[] = {
      {formats::ElementType::CodeOf(formats::kBfloat16), cast.data(), cast.size()}};
  ASSERT_TRUE(cpu::MakeCpuBackend()->Run(op, in, out).ok());
  for (std::size_t i = 0; i < codes.size(); ++i)
    ASSERT_EQ(ToBfloat16(std::bit_cast<float>(codes[i])), cast[i]) << std::hex << codes[i];
}

TEST(GemmTest, OperandsAreRoundedAndCodesAreThem) {
  constexpr std::size_t kRows = 20, kCols = 40, kDepth = 50;
  auto a = RandomValues(kRows * kDepth, 1), b = RandomValues(kDepth * kCols, 2);
  std::vector<float> rounded(kRows * kCols), by_codes = rounded;
  Gemm(kRows, kCols, kDepth, RowMajor(a.data(), kDepth), RowMajor(b.data(), kCols), rounded.data(),
       kCols, false, OperandRounding::kBfloat16);
  std::vector<std::uint16_t> codes;
  for (const float x : b) codes.push_back(ToBfloat16(x));
  for (auto* values : {&a, &b}) {
    for (float& x : *values) x = FromBfloat16(ToBfloat16(x));
  }
  EXPECT_EQ(rounded, Chains(kRows, kCols, kDepth, a, b, rounded, false));
  Gemm(kRows, kCols, kDepth, RowMajor(a.data(), kDepth),
       Operand<float>{.codes = codes.data(), .row_stride = kCols}, by_codes.data(), kCols, false,
       OperandRounding::kBfloat16);
  EXPECT_EQ(rounded, by_codes);
}

}  // namespace
}  // namespace ulproof::trainer
