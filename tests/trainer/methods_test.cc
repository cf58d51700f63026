// SPDX-License-Identifier: Apache-2.0
// Catches: a method that does not sample what the contract says, a gradient of b with the wrong
// sign or noise, streams used twice, casts that scale wrongly, and spellings that do not parse
// back. The exact reference is the judge of what a sample is.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <set>

#include "cpu/backend_cpu.h"
#include "reference/backend_reference.h"
#include "reference/quantizers/analysis/scale_error.h"
#include "reference/quantizers/analysis/statqat_model.h"
#include "trainer/cast_weights.h"
#include "trainer/gemm.h"
#include "trainer/methods/fitted.h"
#include "trainer/methods/method.h"
#include "trainer/random.h"
#include "trainer/run_operation.h"

namespace ulproof::trainer {
namespace {

using testing::HasSubstr;

constexpr std::size_t kRows = 40, kCols = 70;  // 2 x 3 blocks, ragged.

formats::Backend& Cpu() {
  static const auto backend = cpu::MakeCpuBackend();
  return *backend;
}
formats::Backend& Reference() {
  static const auto backend = reference::MakeReferenceBackend();
  return *backend;
}

std::vector<float> Normals(double scale, std::uint64_t what, std::size_t count = kRows * kCols) {
  std::vector<float> values(count);
  for (std::size_t i = 0; i < values.size(); ++i)
    values[i] = static_cast<float>(scale * RandomNormal(9, what, i));
  return values;
}

std::unique_ptr<Method> Make(const char* text, formats::Backend& backend = Cpu()) {
  const std::vector<MatrixShape> shapes = {{5, 5}, {kRows, kCols}};
  return MakeMethod(ParseMethod(text).value(), shapes, backend, 77).value();
}
MatrixStep StepOf(const std::vector<float>& weights, double progress = 0) {
  return {.index = 1,
          .rows = kRows,
          .cols = kCols,
          .weights = weights,
          .stream = 5,
          .progress = progress};
}

TEST(MethodsTest, SampleIsTheContracts) {
  const std::vector<float> weights = Normals(0.02, 1), bits(6, 6.0f);
  std::vector<std::uint16_t> codes(weights.size()), expected(weights.size());
  const formats::Operation op = {.kind = formats::OpKind::kSample,
                                 .bits_per_block = true,
                                 .shape = {.rows = kRows, .cols = kCols},
                                 .key = {.seed = 77, .stream = 5}};
  ASSERT_TRUE(RunOperation(Reference(), op, {weights.data(), bits.data()}, {expected.data()}).ok());
  ASSERT_TRUE(Make("gaussws")->Prepare(StepOf(weights), codes).ok());
  EXPECT_EQ(codes, expected);
}

TEST(MethodsTest, BackendsGiveTheSameBits) {
  const std::vector<float> weights = Normals(0.02, 1), gradient = Normals(1, 2);
  for (const char* text :
       {"gaussws", "gaussws-fixed", "gaussws,law=rgbits,block=16x8", "diffq", "rtn:float6_e3m2fn",
        "rtn:mxfp4", "rtn:nvfp4", "statqat", "statqat,target=2,block=16x70", "lsq,target=3",
        "gdnsq,init=10", "nipq,init=8"}) {
    const auto a = Make(text, Cpu()), b = Make(text, Reference());
    std::vector<std::uint16_t> a_codes(weights.size()), b_codes(weights.size());
    ASSERT_TRUE(a->Prepare(StepOf(weights, 0.3), a_codes).ok()) << text;
    ASSERT_TRUE(b->Prepare(StepOf(weights, 0.3), b_codes).ok()) << text;
    EXPECT_EQ(a_codes, b_codes) << text;
    std::vector<float> a_gradient = gradient, b_gradient = gradient;
    ASSERT_TRUE(a->Backward(StepOf(weights, 0.3), a_gradient).ok());
    ASSERT_TRUE(b->Backward(StepOf(weights, 0.3), b_gradient).ok());
    EXPECT_EQ(a->state_gradients(), b->state_gradients()) << text;
    EXPECT_EQ(a_gradient, b_gradient) << text;
  }
}

// d/da of sum(gradient * sample), by differences in double over R and s recomputed here: the sample
// itself is rounded, so its own differences would see steps.
TEST(MethodsTest, GradientOfBits) {
  const std::vector<float> weights = Normals(0.02, 1);
  std::vector<float> gradient = Normals(1, 2);
  const auto method = Make("gaussws,lambda=0.5");
  ASSERT_TRUE(method->Backward(StepOf(weights), gradient).ok());
  std::vector<std::int8_t> noise(weights.size());
  const formats::Operation op = {.kind = formats::OpKind::kNoise,
                                 .shape = {.rows = kRows, .cols = kCols},
                                 .key = {.seed = 77, .stream = 5}};
  ASSERT_TRUE(RunOperation(Reference(), op, {}, {noise.data()}).ok());
  const formats::BlockGrid grid = op.grid();
  for (std::uint64_t block = 0; block < grid.count(); ++block) {
    const auto extent = grid.ExtentOf(block);
    double largest = 0, sum = 0;
    for (auto row = extent.row_begin; row < extent.row_end; ++row) {
      for (auto col = extent.col_begin; col < extent.col_end; ++col) {
        const std::size_t i = row * kCols + col;
        largest = std::max(largest, std::abs(double{weights[i]}));
        sum += double{gradient[i]} * noise[i];
      }
    }
    const auto loss = [&](double a) {
      const double b = 4 + a * 2;
      return sum * largest * std::exp2(1 - b) + 0.5 * b / static_cast<double>(grid.count());
    };
    const double expected = (loss(1 + 1e-6) - loss(1 - 1e-6)) / 2e-6;
    // The first matrix has one block.
    EXPECT_NEAR(method->state_gradients()[1 + block], expected, 1e-5 * (1 + std::abs(expected)));
  }
  EXPECT_EQ(method->state_gradients()[0], 0.0f) << "another matrix";
}

TEST(MethodsTest, BitsGoFromInitToTarget) {
  const auto fixed = Make("gaussws-fixed");
  EXPECT_EQ(fixed->Bits(1, 0), std::vector<float>(6, 6.0f));
  EXPECT_EQ(fixed->Bits(1, 0.5), std::vector<float>(6, 5.0f));
  EXPECT_EQ(fixed->Bits(0, 1), std::vector<float>(1, 4.0f));
  EXPECT_TRUE(fixed->state().empty());
  const auto learned = Make("gaussws,init=8,target=3");
  EXPECT_EQ(learned->Bits(1, 0.5), std::vector<float>(6, 8.0f));
  learned->state()[2] = 0;
  EXPECT_EQ(learned->Bits(1, 0), (std::vector<float>{8, 3, 8, 8, 8, 8}));
}

// Contract section 7, claim 3: not absorbed at b <= 8 for bfloat16, surely absorbed far beyond.
TEST(MethodsTest, AbsorbedNoiseIsCounted) {
  std::vector<float> weights = Normals(0.02, 1);
  for (float& w : weights) w = FromBfloat16(ToBfloat16(w));
  std::vector<std::uint16_t> codes(weights.size());
  for (const auto& [text, low, high] :
       {std::tuple{"gaussws,init=6", 0.0, 0.0}, std::tuple{"gaussws,init=40,target=4", 1.0, 1.0},
        std::tuple{"gaussws,init=11,target=4", 0.05, 0.95}}) {
    const auto method = Make(text);
    ASSERT_TRUE(method->Prepare(StepOf(weights), codes).ok());
    const SampleCounts counts = method->Count(StepOf(weights), codes).value();
    EXPECT_NEAR(static_cast<double>(counts.noisy) / static_cast<double>(codes.size()), 0.317, 0.04);
    const double rate = static_cast<double>(counts.absorbed) / static_cast<double>(counts.noisy);
    EXPECT_GE(rate, low) << text;
    EXPECT_LE(rate, high) << text;
  }
}

TEST(MethodsTest, CastScalesIntoTheFormat) {
  // Largest 0.9 -> 448 needs 2^8; e4m3fn then has steps of 2^-9 * 2^-8 at the bottom.
  std::vector<float> weights = {0.9f, -0.5f, 0.0f, 1.0f / 1024, -3e-6f};
  std::vector<std::uint16_t> codes(weights.size());
  const auto target = ParseCastTarget("float8_e4m3fn").value();
  ASSERT_TRUE(CastWeights(Cpu(), target, 1, 5, weights, codes).ok());
  const float expected[] = {0.875f, -0.5f, 0.0f, 1.0f / 1024, -0x1p-18f * 1};
  for (std::size_t i = 0; i < weights.size(); ++i)
    EXPECT_NEAR(FromBfloat16(codes[i]), expected[i], 0x1p-18) << i;
  EXPECT_EQ(FromBfloat16(codes[0]), 0.875f);
  std::vector<float> zeros(5);
  ASSERT_TRUE(CastWeights(Cpu(), target, 1, 5, zeros, codes).ok());
  EXPECT_EQ(codes, std::vector<std::uint16_t>(5));
  // Just below a power of two of the limit: 448 * 2^-9 itself must stay, above it must scale down.
  weights = {448 * 0x1p-9f};
  codes.resize(1);
  ASSERT_TRUE(CastWeights(Cpu(), target, 1, 1, weights, codes).ok());
  EXPECT_EQ(FromBfloat16(codes[0]), weights[0]);
  weights = {480 * 0x1p-9f};  // The middle of 448 and 512: would saturate without the next scale.
  ASSERT_TRUE(CastWeights(Cpu(), target, 1, 1, weights, codes).ok());
  EXPECT_EQ(FromBfloat16(codes[0]), weights[0]);
}

TEST(MethodsTest, StepsAreWholeMultiplesOfTheScale) {
  const std::vector<float> weights = Normals(0.02, 1), bits(6, 3.2f);  // Counts as 4.
  std::vector<std::uint16_t> codes(weights.size());
  ASSERT_TRUE(RoundToSteps(Cpu(), {}, bits, kRows, kCols, weights, codes).ok());
  float largest = 0;
  for (std::size_t row = 0; row < 32; ++row) {
    for (std::size_t col = 0; col < 32; ++col)
      largest = std::max(largest, std::abs(weights[row * kCols + col]));
  }
  for (std::size_t col = 0; col < 32; ++col) {
    const float multiple = FromBfloat16(codes[col]) / (largest / 8);
    EXPECT_NEAR(multiple, std::rint(multiple), 0.02) << col;
    EXPECT_LE(std::abs(multiple - weights[col] / (largest / 8)), 0.52) << col;
  }
}

// The table of StatQAT's clips, made again from its model's stationarity condition in 20 digits.
TEST(MethodsTest, StatqatClipsAreThoseOfItsModel) {
  constexpr int kDigits = 20;
  for (int bits = 2; bits <= 8; ++bits) {
    const std::string clip =
        reference::DecimalText(reference::StatqatUniformClip(1 << bits, kDigits), kDigits);
    EXPECT_EQ(StatqatClip(bits), std::strtof(clip.c_str(), nullptr)) << bits;
  }
}

std::size_t LevelsIn(const std::vector<std::uint16_t>& codes, std::size_t rows, std::size_t cols) {
  std::set<std::uint16_t> levels;
  for (std::size_t row = 0; row < rows; ++row) {
    for (std::size_t col = 0; col < cols; ++col) levels.insert(codes[row * kCols + col]);
  }
  return levels.size();
}

// What is left after training is on a grid of the bits that the method reports: no more values in
// a block than that, and most of them.
TEST(MethodsTest, QuantisedWeightsHaveTheirLevels) {
  const std::vector<float> weights = Normals(0.02, 1);
  std::vector<std::uint16_t> codes(weights.size());
  for (const auto& [text, levels] : {std::pair{"statqat,target=3", 8},
                                     {"lsq,target=2", 4},
                                     {"gdnsq,init=4,target=3", 16},
                                     {"nipq,init=4,target=3", 15}}) {
    const auto method = Make(text);
    ASSERT_TRUE(method->Quantise(StepOf(weights), codes).ok()) << text;
    EXPECT_LE(LevelsIn(codes, 32, 32), levels) << text;
    EXPECT_GE(LevelsIn(codes, 32, 32), levels - 2) << text;
    EXPECT_LE(method->Bits(1, 0)[0], std::log2(levels + 1)) << text;
  }
}

// Straight-through ends at the clip.
TEST(MethodsTest, ClippedWeightsPassNoGradient) {
  std::vector<float> weights = Normals(0.02, 1);
  weights[0] = 1;  // Far beyond every clip of its block.
  weights[1] = -1;
  for (const char* text : {"statqat", "lsq"}) {
    std::vector<float> gradient(weights.size(), 1.0f);
    const auto method = Make(text);
    ASSERT_TRUE(method->Backward(StepOf(weights), gradient).ok());
    EXPECT_EQ(gradient[0], 0) << text;
    EXPECT_EQ(gradient[1], 0) << text;
    EXPECT_EQ(gradient[2], 1) << text;
  }
}

// The penalty of GDNSQ pulls b down from outside and lets go at the target; before the run has
// begun there is none.
TEST(MethodsTest, GdnsqPullsFromOutside) {
  const std::vector<float> weights = Normals(0.02, 1);
  std::vector<float> none(weights.size());
  const auto method = Make("gdnsq,init=10,lambda=6");
  ASSERT_TRUE(method->Backward(StepOf(weights, 0), none).ok());
  EXPECT_EQ(method->state_gradients()[1], 0);
  ASSERT_TRUE(method->Backward(StepOf(weights, 0.5), none).ok());
  EXPECT_NEAR(method->state_gradients()[1], 6 * 6 * 0.5 / 6,
              1e-6);  // Span * lambda * progress / n.
  method->state_gradients()[1] = 0;
  method->state()[1] = -0.01f;  // Inside.
  ASSERT_TRUE(method->Backward(StepOf(weights, 0.5), none).ok());
  EXPECT_EQ(method->state_gradients()[1], 0);
}

TEST(MethodsTest, SpellingsParseBack) {
  for (const char* text :
       {"bf16", "fp32", "gaussws", "gaussws-fixed,init=8,target=3", "diffq", "diffq,block=1x8",
        "diffq,law=normal2", "statqat,target=3", "lsq", "gdnsq,init=10", "nipq,rate=3",
        "rtn:mxfp4,layers=mlp", "rtn:float8_e4m3fn",
        "gaussws,law=rg32,block=16x16,lambda=0.25,rate=10,layers=attention,backward-stream=3"}) {
    const auto spec = ParseMethod(text);
    ASSERT_TRUE(spec.ok()) << text;
    EXPECT_EQ(spec->ToString(), text);
  }
  const std::pair<const char*, const char*> bad[] = {{"gaus", "unknown method"},
                                                     {"rtn", "rtn takes a format"},
                                                     {"bf16:mxfp4", "rtn takes a format"},
                                                     {"rtn:float7", "unknown"},
                                                     {"rtn:float32", "cannot be cast"},
                                                     {"rtn:float8_e8m0fnu", "cannot be cast"},
                                                     {"gaussws,law", "key=value"},
                                                     {"gaussws,lwa=rg16", "did you mean 'law'"},
                                                     {"gaussws,law=rg17", "rg16"},
                                                     {"statqat,target=2.5", "whole"},
                                                     {"lsq,target=9", "whole"},
                                                     {"gaussws,init=nan", "from 1 to 100"},
                                                     {"gaussws,target=0", "from 1 to 100"},
                                                     {"gaussws,layers=some", "unknown layers"}};
  for (const auto& [text, word] : bad) {
    const auto spec = ParseMethod(text);
    ASSERT_FALSE(spec.ok()) << text;
    EXPECT_THAT(spec.error().message, HasSubstr(word)) << text;
  }
}

}  // namespace
}  // namespace ulproof::trainer
