// SPDX-License-Identifier: Apache-2.0
// Catches: a method that does not sample what the contract says, a gradient of b with the wrong
// sign or noise, streams used twice, casts that scale wrongly, and spellings that do not parse
// back. The exact reference is the judge of what a sample is.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <set>

#include "reference/quantizers/analysis/scale_error.h"
#include "reference/quantizers/analysis/statqat_model.h"
#include "tests/trainer/backends.h"
#include "trainer/cast_weights.h"
#include "trainer/gemm.h"
#include "trainer/methods/bit_budget.h"
#include "trainer/methods/error_histogram.h"
#include "trainer/methods/fitted.h"
#include "trainer/methods/method.h"
#include "trainer/random.h"
#include "trainer/run_operation.h"

namespace ulproof::trainer {
namespace {

using testing::HasSubstr;

constexpr std::size_t kRows = 40, kCols = 70;  // 2 x 3 blocks, ragged.

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
        "gdnsq,init=10", "nipq,init=8", "nipq,settle=0.2", "nipq,init=5,noise=histogram",
        "diffq,settle=0.2"}) {
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
    ASSERT_TRUE(a->Quantise(StepOf(weights, 0.3), a_codes).ok()) << text;
    ASSERT_TRUE(b->Quantise(StepOf(weights, 0.3), b_codes).ok()) << text;
    EXPECT_EQ(a_codes, b_codes) << text;
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

double MeanOf(const std::vector<float>& values) {
  double sum = 0;
  for (const float v : values) sum += v;
  return sum / static_cast<double>(values.size());
}

// The projection against its definition: the mean is met, none is below the lowest, and those above
// it moved by one common number.
TEST(BitBudgetTest, ProjectionMovesAllAlike) {
  const std::vector<float> from = {8, 1.25f, 3, 2.5f, 6, 1.0f, 4.75f};
  for (const double mean : {1.0, 1.2, 2.0, 3.0, 3.7857142, 9.0}) {
    std::vector<float> bits = from;
    ProjectToMean(bits, 1, mean);
    EXPECT_NEAR(MeanOf(bits), mean, 2e-6) << mean;
    const float shift = from[0] - bits[0];
    for (std::size_t i = 0; i < bits.size(); ++i) {
      EXPECT_NEAR(bits[i], std::max(1.0f, from[i] - shift), 2e-6) << mean << " " << i;
    }
  }
}

TEST(BitBudgetTest, WholeBitsHaveTheExactSum) {
  std::vector<float> bits = {2.9f, 3.6f, 1.2f, 2.3f};
  RoundToMean(bits, 2.5);
  EXPECT_EQ(bits, (std::vector<float>{3, 4, 1, 2}));
  // What an update moves by a little comes back: b stays.
  for (std::size_t i = 0; i < 4; ++i) bits[i] += i % 2 == 0 ? 0.2f : -0.2f;
  RoundToMean(bits, 2.5);
  EXPECT_EQ(bits, (std::vector<float>{3, 4, 1, 2}));
  std::vector<float> equal(5, 2.4f);
  RoundToMean(equal, 2.4);
  EXPECT_EQ(equal, (std::vector<float>{3, 3, 2, 2, 2}));
}

// The budget of the option settle= holds in the model and in what is left of it: whole b, of the
// target's mean, and no block with more than 2^b values.
TEST(MethodsTest, SettledWeightsKeepTheirBudget) {
  const std::vector<float> weights = Normals(0.02, 1);
  std::vector<std::uint16_t> codes(weights.size());
  for (const char* name : {"gaussws", "diffq", "gdnsq", "nipq"}) {
    const auto method = Make((std::string(name) + ",init=8,target=3,settle=0.5").c_str());
    const std::size_t stride = method->state().size() / 7;  // Blocks of both matrices.
    for (std::size_t block = 0; block < 7; ++block)
      method->state()[block * stride] += 0.05f * static_cast<float>(block) - 0.15f;
    const auto bits = [&](double progress) {
      std::vector<float> all = method->Bits(0, progress);
      for (const float b : method->Bits(1, progress)) all.push_back(b);
      return all;
    };
    method->Settle(0.25);
    EXPECT_NEAR(MeanOf(bits(0.25)), 5.5, 1e-5) << name;
    EXPECT_GT(bits(0.25)[6], bits(0.25)[0] + 1) << name;
    method->Settle(0.5);
    EXPECT_EQ(MeanOf(bits(0.5)), 3) << name;
    const std::vector<float> settled = bits(0.5);
    for (const float b : settled) EXPECT_EQ(b, std::rint(b)) << name;
    EXPECT_GT(settled[6], settled[0]) << name;
    ASSERT_TRUE(method->Quantise(StepOf(weights, 1), codes).ok()) << name;
    EXPECT_LE(LevelsIn(codes, 32, 32), std::size_t{1} << static_cast<int>(settled[1])) << name;
    EXPECT_GE(LevelsIn(codes, 32, 32), 3u) << name;
  }
}

// What is drawn has the histogram it is drawn from: empty bins stay empty, the others get their
// share, and a place in a bin is uniform.
TEST(MethodsTest, ErrorsAreDrawnByTheirHistogram) {
  std::vector<float> errors(300, -0.5f);  // Bin 0: 3/4; bin 255, by both its ends: 1/4.
  errors.insert(errors.end(), 50, 0.5f);
  errors.insert(errors.end(), 50, 0.4999f);
  errors.push_back(NAN);
  errors.push_back(0.51f);
  const ErrorHistogram histogram(errors);
  int low = 0;
  double place = 0;
  constexpr int kDraws = 40000;
  for (int i = 0; i < kDraws; ++i) {
    const float e = histogram.Draw(RandomBits(1, 2, static_cast<std::uint64_t>(i)));
    const bool is_low = e < 0;
    low += is_low ? 1 : 0;
    const double within = is_low ? e + 0.5 : e - 0.5 + 1.0 / 256;
    EXPECT_GE(within, 0);
    EXPECT_LT(within, 1.0 / 256);
    place += within * 256 / kDraws;
  }
  EXPECT_NEAR(low, 0.75 * kDraws, 5 * std::sqrt(kDraws * 0.1875));
  EXPECT_NEAR(place, 0.5, 5 / std::sqrt(12.0 * kDraws));
  const ErrorHistogram empty({});
  EXPECT_EQ(empty.Draw(0), -0.5f);
  EXPECT_EQ(empty.Draw(std::uint64_t{1} << 63), 0.0f);
}

// Weights on the grid have no rounding error, so the noise of the histogram leaves them nearly
// alone, where uniform noise does not; and its gradients are those of the values that it made.
TEST(MethodsTest, NipqDrawsItsOwnErrors) {
  std::vector<float> weights = Normals(0.02, 1);
  const auto method = Make("nipq,init=5,target=4,noise=histogram"), uniform = Make("nipq,init=5");
  for (int pass = 0; pass < 2; ++pass) {  // The largest of a block stay where they are.
    std::vector<std::uint16_t> codes(weights.size());
    ASSERT_TRUE(method->Quantise(StepOf(weights), codes).ok());
    for (std::size_t i = 0; i < codes.size(); ++i) weights[i] = FromBfloat16(codes[i]);
  }
  const auto distance = [&](Method& of) {
    std::vector<std::uint16_t> codes(weights.size());
    EXPECT_TRUE(of.Prepare(StepOf(weights), codes).ok());
    double sum = 0;
    for (std::size_t i = 0; i < codes.size(); ++i)
      sum += std::abs(FromBfloat16(codes[i]) - weights[i]);
    return sum;
  };
  EXPECT_LT(distance(*method), 0.2 * distance(*uniform));
  // By differences in c of alpha = 2^c M, R held: block 0, whose step is alpha / 15.
  weights = Normals(0.02, 1);
  const std::vector<float> gradient = Normals(1, 2);
  std::vector<float> through = gradient;
  std::vector<std::uint16_t> codes(weights.size());
  ASSERT_TRUE(method->Prepare(StepOf(weights), codes).ok());
  ASSERT_TRUE(method->Backward(StepOf(weights), through).ok());
  double largest = 0, expected = 0;
  for (std::size_t row = 0; row < 32; ++row) {
    for (std::size_t col = 0; col < 32; ++col)
      largest = std::max(largest, std::abs(double{weights[row * kCols + col]}));
  }
  for (std::size_t row = 0; row < 32; ++row) {
    for (std::size_t col = 0; col < 32; ++col) {
      const std::size_t i = row * kCols + col;
      const double value = FromBfloat16(codes[i]);
      const bool inside = through[i] != 0;
      EXPECT_TRUE(inside ? through[i] == gradient[i] : std::abs(value) > 0.99 * largest) << i;
      // d value / d alpha = R / 15 inside, R s = value - w up to bfloat16's rounding.
      expected += gradient[i] * (inside ? value - weights[i] : std::copysign(largest, value));
    }
  }
  EXPECT_NEAR(method->state_gradients()[2 * 1 + 1], std::log(2.0) * expected,
              0.01 * std::abs(expected) + 2e-3);
}

// NIPQ ends on its rounded weights, as its authors' code does: no noise, b still, and the gradient
// of alpha that of rounding within +-alpha.
TEST(MethodsTest, NipqEndsWithoutNoise) {
  const std::vector<float> weights = Normals(0.02, 1), gradient = Normals(1, 2);
  const auto method = Make("nipq,init=8,target=3,settle=0.5");
  for (std::size_t block = 0; block < 7; ++block) method->state()[2 * block + 1] = -0.6f;
  method->Settle(0.5);
  std::vector<std::uint16_t> noisy(weights.size()), trained(weights.size()), left(weights.size());
  ASSERT_TRUE(method->Prepare(StepOf(weights, 0.4), noisy).ok());
  ASSERT_TRUE(method->Prepare(StepOf(weights, 0.5), trained).ok());
  ASSERT_TRUE(method->Quantise(StepOf(weights, 0.5), left).ok());
  EXPECT_EQ(trained, left);
  EXPECT_NE(noisy, left);
  std::vector<float> through = gradient;
  ASSERT_TRUE(method->Backward(StepOf(weights, 0.5), through).ok());
  // Block 0 of the matrix, from the definition in double: three steps of alpha / 3 each way.
  double largest = 0;
  for (std::size_t row = 0; row < 32; ++row) {
    for (std::size_t col = 0; col < 32; ++col)
      largest = std::max(largest, std::abs(double{weights[row * kCols + col]}));
  }
  const double alpha = largest * std::exp2(-0.6), step = alpha / 3;
  double by_alpha = 0;
  for (std::size_t row = 0; row < 32; ++row) {
    for (std::size_t col = 0; col < 32; ++col) {
      const std::size_t i = row * kCols + col;
      const double u = weights[i] / step;
      const bool inside = std::abs(u) < 3;
      by_alpha += gradient[i] * (inside ? (std::rint(u) - u) / 3 : std::copysign(1, u));
      EXPECT_EQ(through[i], inside ? gradient[i] : 0) << i;
    }
  }
  EXPECT_NEAR(method->state_gradients()[2 * 1 + 1], std::log(2.0) * alpha * by_alpha,
              1e-5 * std::abs(by_alpha));
  EXPECT_EQ(method->state_gradients()[2 * 1], 0) << "b is still";
}

TEST(MethodsTest, SpellingsParseBack) {
  for (const char* text :
       {"bf16", "fp32", "gaussws", "gaussws-fixed,init=8,target=3", "diffq", "diffq,block=1x8",
        "diffq,law=normal2", "statqat,target=3", "lsq", "gdnsq,init=10", "nipq,rate=3",
        "rtn:mxfp4,layers=mlp", "rtn:float8_e4m3fn", "gdnsq,settle=0.6,optimizer=radam,distill=1",
        "statqat,act=int8", "nipq,noise=histogram",
        "lsq,act=float8_e4m3fn,distill=0.5,divergence=kl",
        "gaussws,law=rg32,block=16x16,lambda=0.25,rate=10,layers=attention,backward-stream=3"}) {
    const auto spec = ParseMethod(text);
    ASSERT_TRUE(spec.ok()) << text;
    EXPECT_EQ(spec->ToString(), text);
  }
  const std::pair<const char*, const char*> bad[] = {
      {"gaus", "unknown method"},
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
      {"gaussws,layers=some", "unknown layers"},
      {"gaussws,settle=0", "from 0.01 to 1"},
      {"statqat,settle=0.5", "learn b"},
      {"diffq,noise=histogram", "noise= is for nipq"},
      {"gdnsq,init=4,settle=0.5", "above the target"},
      {"nipq,target=1,settle=0.5", "2 bits"},
      {"gaussws,act=int8", "act= is for"},
      {"statqat,act=integers", "levels with an end"},
      {"statqat,act=int1", "int1"},
      {"bf16,optimizer=adam", "mean 'adamw'"},
      {"bf16,distill=2", "from 0 to 1"},
      {"bf16,divergence=js", "unknown divergence"}};
  for (const auto& [text, word] : bad) {
    const auto spec = ParseMethod(text);
    ASSERT_FALSE(spec.ok()) << text;
    EXPECT_THAT(spec.error().message, HasSubstr(word)) << text;
  }
}

}  // namespace
}  // namespace ulproof::trainer
